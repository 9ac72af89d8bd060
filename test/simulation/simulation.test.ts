import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutations } from './mutations.ts';
import { simulate } from './simulate.ts';

test('five thousand seeds of faults leave no VM running twice, lost, or waiting for ever', async () => {
  const { seeds, violations, coverage } = await simulate({ seeds: 5_000, from: 1 });
  assert.deepEqual(violations, []);
  assert.equal(seeds, 5_000);
  assert.equal(coverage.states.reached, coverage.states.all);
});

for (const name of Object.keys(mutations)) {
  test(`the simulation notices what is broken by ${name}`, async () => {
    const { violations } = await simulate({ seeds: 20_000, from: 1, mutate: name, untilFirst: true });
    assert.notDeepEqual(violations, []);
  });
}
