import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cacheFolder } from '../../../services/cli/fleet/guest-files.ts';
import { ensureGuest } from '../../../services/cli/guest/make-guest.ts';
import { faultsAt, moments, nameOf } from './moments.ts';
import { type Played, play } from './play.ts';
import { busFaults, clocks, cuts, type Fault, fulls, kills, silences } from './strikes.ts';
import { openWorld } from './world.ts';

/*
 * `npm run faults`: after every record of every operation, and while memory is on its way, kills each part there is, and prints
 * the table of moments, faults and outcomes. Instead of killing,
 *   --network cuts links, in namespaces of its own
 *   --silent  stops QEMUs without a word
 *   --cluster has a bus of three servers and fails them
 *   --full    fills what checkpoints and journals are written to
 *   --clock   sets the clock of a broker (with the Debian package faketime)
 * `--only TEXT,…` plays the moments whose name has one of the texts, `--fault TEXT` the faults; `--json` prints one JSON
 * object at the end.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    fault: { type: 'string', default: '' },
    network: { type: 'boolean', default: false },
    silent: { type: 'boolean', default: false },
    cluster: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    clock: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const { network, cluster, full, clock } = values;
const faults = (chosenFaults() satisfies readonly Fault[]).filter((fault) => fault.includes(values.fault));
if (network) await inOwn('net');
if (full) await inOwn('mnt');
const chosen = moments.filter(
  (moment) =>
    values.only.split(',').some((text) => nameOf(moment).includes(text)) && faultsAt(moment, faults).length > 0,
);
const world = await openWorld({ network, cluster, full, clock });
const played: Played[] = [];
try {
  for (const moment of chosen) {
    for (const fault of faultsAt(moment, faults)) {
      const one = await playOrTell(moment, fault);
      played.push(one);
      process.stderr.write(`${one.moment.padEnd(40)} ${fault.padEnd(18)} ${textOf(one)}\n`);
    }
  }
} finally {
  await world.close();
}
const ok = played.length > 0 && played.every(({ problems }) => problems.length === 0);
process.stdout.write(values.json ? `${JSON.stringify({ ok, played })}\n` : table());
process.exitCode = ok ? 0 : 1;

function chosenFaults(): readonly Fault[] {
  if (network) return cuts;
  if (cluster) return busFaults;
  if (full) return fulls;
  if (clock) return clocks;
  return values.silent ? silences : kills;
}

/** Runs this program again in a namespace of its own, unless it is in one. */
async function inOwn(kind: 'net' | 'mnt'): Promise<void> {
  const namespaceOf = (pid: number) => readlinkSync(`/proc/${pid}/ns/${kind}`);
  if (namespaceOf(process.pid) !== namespaceOf(process.ppid)) return;
  // What the guest is made of is downloaded, and a network of one's own has nobody to be reached in.
  await ensureGuest(cacheFolder(process.env));
  const own = kind === 'net' ? '--net' : '--mount';
  const again = spawnSync('unshare', [own, process.execPath, ...process.argv.slice(1)], { stdio: 'inherit' });
  process.exit(again.status ?? 1);
}

async function playOrTell(moment: (typeof moments)[number], fault: Fault): Promise<Played> {
  try {
    return await play(world, moment, fault);
  } catch (error) {
    const problems = [error instanceof Error ? error.message : String(error)];
    return { moment: nameOf(moment), fault, outcome: 'not played', problems };
  }
}

function textOf({ outcome, problems }: Played): string {
  return problems.length === 0 ? outcome : `**${outcome}: ${problems.join('; ')}**`;
}

function table(): string {
  const lines = [`| after the record | ${faults.join(' | ')} |`, `|---|${faults.map(() => '---').join('|')}|`];
  for (const moment of chosen.map(nameOf)) {
    const cells = faults.map((fault) => {
      const one = played.find((other) => other.moment === moment && other.fault === fault);
      return one === undefined ? '–' : textOf(one);
    });
    lines.push(`| ${moment} | ${cells.join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}
