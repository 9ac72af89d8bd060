import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutations } from './mutations.ts';
import { simulate } from './simulate.ts';

/** Seeds beyond the first that take rows which few take. `npm run simulate` names the rows that its seeds never took. */
const rareSeeds = [
  7265, 12472, 13712, 16688, 32954, 45916, 5232, 9195, 14279, 20733, 23637, 27745, 46323, 114744, 11346, 19727, 19895,
];

/** Seeds that once violated something. */
const brokenOnce = [
  1056842, 1106993, 1140526, 2059965, 4084168, 4124791, 7296, 6004084, 7030214, 7081191, 7034698, 7108342, 8005036,
  17738, 352437, 355551, 356412, 10161025, 10184513, 10581984, 8030214, 8057127, 10153876,
];

/** The same where more goes wrong. */
const hardSeeds = 2_400;
const rareHardSeeds = [2523, 3681, 10777, 15314, 21104, 26718, 56367, 27228, 2761, 18714];
const brokenOnceHard = [9030137, 2638, 94414, 9172324, 12016366, 12016389, 9151233, 9155044, 31037524];

test('five thousand seeds of faults leave no VM running twice, lost, or waiting for ever, and every row of every table is taken', async () => {
  const reports = [
    await simulate({ seeds: 5_000, from: 1 }),
    await simulate({ seeds: hardSeeds, from: 1, hard: true }),
  ];
  for (const seed of [...rareSeeds, ...brokenOnce]) reports.push(await simulate({ seeds: 1, from: seed }));
  for (const seed of [...rareHardSeeds, ...brokenOnceHard])
    reports.push(await simulate({ seeds: 1, from: seed, hard: true }));
  assert.deepEqual(
    reports.flatMap(({ violations }) => violations),
    [],
  );
  const seeds = reports.reduce((sum, report) => sum + report.seeds, 0);
  assert.equal(
    seeds,
    5_000 + hardSeeds + rareSeeds.length + brokenOnce.length + rareHardSeeds.length + brokenOnceHard.length,
  );
  const [first, ...rest] = reports.map(({ coverage }) => coverage.rows.never);
  assert.deepEqual(
    first?.filter((row) => rest.every((never) => never.includes(row))),
    [],
  );
});

for (const name of Object.keys(mutations)) {
  test(`the simulation notices what is broken by ${name}`, async () => {
    const { violations } = await simulate({ seeds: 20_000, from: 1, mutate: name, untilFirst: true });
    assert.notDeepEqual(violations, []);
  });
}
