import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestLine } from '../../../services/cli/demo/console.ts';
import type { CheckpointId } from '../../../shared/ids.ts';
import { ask, counted, countsOn, qemusOn, shown, until } from './acts.ts';
import { type Host, hosts } from './hosts.ts';
import type { World } from './world.ts';

/* What must hold when everything has been mended and every operation has ended. Each answers with what does not. */

/** The hosts that say that the VM runs there. */
export async function runners(world: World): Promise<Host[]> {
  const states = await Promise.all(hosts.map(async (host) => ({ host, state: (await shown(world, host))?.state })));
  return states.filter(({ state }) => state !== undefined && state !== 'stopped').map(({ host }) => host);
}

/** Brokers look whether records and VMs agree when something has ended, and every half minute. */
const agreeMsMax = 35_000;

/** One QEMU at most, where a host says that the VM runs and the record says that it may. */
export async function disagreements(world: World): Promise<string[]> {
  let found: string[] = [];
  await until('record and runners agree', agreeMsMax, async () => {
    found = await disagreementsNow(world);
    // A second runner is never only late.
    return found.length === 0 || found.some((problem) => problem.startsWith('it runs on')) ? true : undefined;
  }).catch(() => undefined);
  return found;
}

async function disagreementsNow(world: World): Promise<string[]> {
  const running = await runners(world);
  const problems: string[] = [];
  const qemus = hosts.flatMap((host) => qemusOn(world, host).map(() => host));
  const record = await world.client.owner(world.spec.name);
  if (running.length > 1) problems.push(`it runs on ${running.join(' and ')}`);
  if (qemus.join() !== running.join())
    problems.push(`QEMU on [${qemus.join()}] while [${running.join()}] say that it runs`);
  if (record === undefined) problems.push('it has no owner record');
  else if (record.running !== running.length > 0) problems.push(`the record says running: ${record.running}`);
  else if (running[0] !== undefined && record.owner !== running[0]) problems.push(`the record says ${record.owner}`);
  return problems;
}

/** The counter in the guest's memory goes on, in one boot, and no value of it is ever seen twice. */
export async function miscounts(world: World, since: ReadonlyMap<Host, number>): Promise<string[]> {
  const goesOn = await countsOn(world, since, 3).then(
    () => true,
    () => false,
  );
  const lines = counted(world, since);
  const twice = repeated(lines);
  return [
    ...(goesOn ? [] : ['the guest does not count any more']),
    ...(new Set(lines.map(({ boot }) => boot)).size > 1 ? ['it was booted anew'] : []),
    ...(twice.length > 0 ? [`counted twice: ${twice.join()}`] : []),
  ];
}

const repeated = (lines: readonly GuestLine[]): number[] => {
  const seen = new Set<number>();
  return lines.map(({ count }) => count).filter((count) => seen.size === seen.add(count).size);
};

/** What is neither the running VM's nor the brokers' own: QEMUs, relays, sockets, keys, half-written files. */
export function leftovers(world: World, running: readonly Host[]): string[] {
  const { layout, spec } = world;
  const of = (what: string, found: readonly string[]) => (found.length > 0 ? [`left ${what}: ${found.join()}`] : []);
  const problems = hosts.flatMap((host) => {
    const { run } = layout.host(host);
    const own = join(run, spec.name);
    const inOwn = existsSync(own) ? readdirSync(own) : [];
    return [
      ...of(
        `in ${host}'s run folder`,
        readdirSync(run).filter((name) => name !== spec.name || !running.includes(host)),
      ),
      ...of(
        `in the VM's run folder on ${host}`,
        running.includes(host) ? inOwn.filter((name) => name !== 'qmp.sock' && name !== 'qemu.json') : [],
      ),
    ];
  });
  const halfWritten = (folder: string) =>
    readdirSync(folder).filter((name) => name.startsWith('.') && name !== '.pins' && name !== '.carnet-pool');
  return [
    ...problems,
    ...of('in the checkpoint store', halfWritten(layout.checkpoints)),
    ...of('in the pool', halfWritten(layout.pool)),
    ...of('as processes', relaysUnder(layout.root)),
  ];
}

/** The relays of checkpoints that are being written. */
export function relaysUnder(root: string): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^[0-9]+$/.test(name)) return false;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      return command.includes('relay-process') && command.includes(root);
    } catch {
      return false;
    }
  });
}

/** Whether every byte of a checkpoint is as it was sealed. */
export async function isWhole(world: World, host: Host, checkpoint: CheckpointId): Promise<boolean> {
  return (await ask(world, host, { verb: 'checkpoint-verify', checkpoint })).is === 'verified';
}

/** Looks at every checkpoint there is, and removes it, so that no run leaves its own to the next. */
export async function damagedCheckpoints(world: World, host: Host): Promise<string[]> {
  const answer = await ask(world, host, { verb: 'checkpoint-list' });
  if (answer.is !== 'checkpoints') return [`${host} does not list its checkpoints: ${answer.is}`];
  const problems: string[] = [];
  for (const { checkpoint } of answer.checkpoints) {
    if (!(await isWhole(world, host, checkpoint))) problems.push(`${checkpoint} is damaged`);
    // One that a guest maps stays until a later run.
    await ask(world, host, { verb: 'checkpoint-remove', checkpoint });
  }
  return problems;
}
