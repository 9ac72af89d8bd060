import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cacheFolder } from '../../../services/cli/fleet/guest-files.ts';
import { ensureGuest } from '../../../services/cli/guest/make-guest.ts';
import { cuts, type Fault, faultsAt, kills, moments, pointOf } from './moments.ts';
import { type Played, play } from './play.ts';
import { openWorld } from './world.ts';

/*
 * `npm run faults`: after every record of a migration, a save and a restore, kills each part there is, and prints the
 * table of moments, faults and outcomes. `--network` cuts links instead, in namespaces of its own. `--only TEXT` plays the
 * moments whose name has that text, `--json` prints one JSON object at the end.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    network: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const faults: readonly Fault[] = values.network ? cuts : kills;
if (values.network) await inOwnNetwork();
const chosen = moments.filter((moment) => pointOf(moment).includes(values.only ?? ''));
const world = await openWorld({ network: values.network });
const played: Played[] = [];
try {
  for (const moment of chosen) {
    for (const fault of faultsAt(moment, faults)) {
      const one = await playOrTell(moment, fault);
      played.push(one);
      const text = one.problems.length === 0 ? one.outcome : `${one.outcome}: ${one.problems.join('; ')}`;
      process.stderr.write(`${pointOf(moment).padEnd(40)} ${fault.padEnd(13)} ${text}\n`);
    }
  }
} finally {
  await world.close();
}
const wrong = played.filter(({ problems }) => problems.length > 0);
if (values.json)
  process.stdout.write(
    `${JSON.stringify({ ok: wrong.length === 0, played: played.map((one) => ({ ...one, moment: pointOf(one.moment) })) })}\n`,
  );
else process.stdout.write(table(played));
process.exitCode = wrong.length === 0 && played.length > 0 ? 0 : 1;

/** Runs this program again in a network namespace of its own, unless it is in one. */
async function inOwnNetwork(): Promise<void> {
  const networkOf = (pid: number) => readlinkSync(`/proc/${pid}/ns/net`);
  if (networkOf(process.pid) !== networkOf(process.ppid)) return;
  // What the guest is made of is downloaded, and there is nobody to be reached in there.
  await ensureGuest(cacheFolder(process.env));
  const again = spawnSync('unshare', ['--net', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' });
  process.exit(again.status ?? 1);
}

async function playOrTell(moment: (typeof moments)[number], fault: Fault): Promise<Played> {
  try {
    return await play(world, moment, fault);
  } catch (error) {
    return { moment, fault, outcome: 'not played', problems: [error instanceof Error ? error.message : String(error)] };
  }
}

function table(all: readonly Played[]): string {
  const lines = [`| after the record | ${faults.join(' | ')} |`, `|---|${faults.map(() => '---').join('|')}|`];
  for (const moment of chosen) {
    const cells = faults.map((fault) => {
      const one = all.find((other) => other.moment === moment && other.fault === fault);
      if (one === undefined) return '–';
      return one.problems.length === 0 ? one.outcome : `**${one.outcome}: ${one.problems.join('; ')}**`;
    });
    lines.push(`| ${pointOf(moment)} | ${cells.join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}
