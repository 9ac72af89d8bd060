import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { GuestLine } from '../../../services/cli/demo/console.ts';
import { isRunning } from '../../../services/cli/fleet/proc.ts';
import type { CheckpointId } from '../../../shared/ids.ts';
import type { Action } from '../../../shared/messages/request.ts';
import { hostId } from '../../support/values.ts';
import { type Host, hosts, otherThan } from './hosts.ts';
import { type Fault, isMigration, type Moment, pointOf } from './moments.ts';
import { block, cut, heal, unblock } from './network.ts';
import {
  ask,
  consoleEnds,
  counted,
  finish,
  goOn,
  killAndRestart,
  qemusOn,
  restartBroker,
  shown,
  until,
  untilStopped,
  type World,
} from './world.ts';

const settleTimeoutMs = 240_000;

/** How a fault at a moment went. `problems` is empty where every promise held. */
export interface Played {
  readonly moment: Moment;
  readonly fault: Fault;
  /** Where the VM was in the end: `runs on alpha`, or that it ended with its QEMU. */
  readonly outcome: string;
  readonly problems: readonly string[];
}

/** Lets one thing fail right after one record, starts again what a service manager would, and checks what came of it. */
export async function play(world: World, moment: Moment, fault: Fault): Promise<Played> {
  const owner = await runningSomewhere(world);
  const checkpoint = moment.kind === 'restore' ? await stoppedWithCheckpoint(world, owner) : undefined;
  const here = moment.kind === 'migrate-destination' ? otherThan(owner) : owner;
  await restartBroker(world, here, pointOf(moment));
  const since = consoleEnds(world);
  // The broker that is asked may stop before it has answered.
  void world.client.ask(hostId(owner), actionOf(world, moment, otherThan(owner), checkpoint)).catch(() => undefined);
  await untilStopped(world, here);

  const killed = await strike(world, here, fault);
  await settled(world);
  const running = await runners(world);
  const kept = running.length === 0 && checkpoint !== undefined && (await isWhole(world, owner, checkpoint));
  const ended = kept ? 'not restored, its checkpoint is whole' : 'ended with its QEMU';
  const outcome = running.length === 0 ? ended : `runs on ${running.join(' and ')}`;
  const problems = [
    ...(running.length === 0 && killed.length === 0 && !kept ? ['it was lost'] : []),
    ...(await wrongRunners(world, running)),
    ...(await wrongCounter(world, running, since, moment)),
    ...leftovers(world, running),
  ];
  return { moment, fault, outcome, problems };
}

function actionOf(world: World, { kind }: Moment, destination: Host, checkpoint: CheckpointId | undefined): Action {
  const vm = world.spec.name;
  if (kind === 'save') return { verb: 'save', vm };
  if (kind === 'restore' && checkpoint !== undefined) return { verb: 'restore', checkpoint };
  const options = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 };
  return { verb: 'migrate', vm, destination: hostId(destination), options };
}

/** Where the VM runs, started first where it does not. */
async function runningSomewhere(world: World): Promise<Host> {
  const vm = world.spec.name;
  for (const host of hosts) if ((await shown(world, host))?.state === 'running') return host;
  const owner = (await world.client.owner(vm))?.owner === 'beta' ? 'beta' : 'alpha';
  if ((await shown(world, owner)) === undefined) await ask(world, owner, { verb: 'define', spec: world.spec });
  const since = consoleEnds(world);
  const started = await finish(world, owner, { verb: 'start', vm });
  if (started.outcome?.is !== 'completed') throw new Error(`the VM does not start: ${JSON.stringify(started.outcome)}`);
  await until('the guest counts', 120_000, () => (counted(world, since).length >= 2 ? true : undefined));
  return owner;
}

async function stoppedWithCheckpoint(world: World, owner: Host): Promise<CheckpointId> {
  const vm = world.spec.name;
  const saved = await finish(world, owner, { verb: 'save', vm });
  if (saved.outcome?.is !== 'completed' || saved.outcome.checkpoint === undefined)
    throw new Error(`no checkpoint: ${JSON.stringify(saved.outcome)}`);
  const { checkpoint } = saved.outcome;
  await ask(world, owner, { verb: 'stop', vm, force: true });
  await until('the VM is stopped', 60_000, async () =>
    (await shown(world, owner))?.state === 'stopped' ? true : undefined,
  );
  return checkpoint;
}

/** Kills what the fault says. Answers with the hosts whose QEMU was killed. */
async function strike(world: World, here: Host, fault: Fault): Promise<readonly Host[]> {
  const there = otherThan(here);
  switch (fault) {
    case 'broker here':
      await killAndRestart(world, here, () => {});
      return [];
    case 'broker there':
      await killAndRestart(world, there, () => goOn(world, here));
      return [];
    case 'bus':
      await killAndRestart(world, 'bus', () => goOn(world, here));
      return [];
    case 'QEMU here':
    case 'QEMU there': {
      const on = fault === 'QEMU here' ? here : there;
      const qemus = qemusOn(world, on);
      for (const { pid } of qemus) process.kill(pid, 'SIGKILL');
      await until('QEMU is gone', 10_000, () => (qemus.some(isRunning) ? undefined : true));
      goOn(world, here);
      return qemus.length === 0 ? [] : [on];
    }
    case 'link here':
      return whileCut(world, here, [() => cut(here), () => heal(here)]);
    case 'link there':
      return whileCut(world, here, [() => cut(there), () => heal(there)]);
    case 'way here to there':
      return whileCut(world, here, [() => block(here, there), () => unblock(here, there)]);
    case 'way there to here':
      return whileCut(world, here, [() => block(there, here), () => unblock(there, here)]);
  }
}

/** Longer than a handover waits for its answer before it is in doubt. */
const cutMs = 40_000;

async function whileCut(world: World, here: Host, [begin, end]: readonly [() => void, () => void]): Promise<[]> {
  begin();
  try {
    goOn(world, here);
    await delay(cutMs);
  } finally {
    end();
  }
  return [];
}

/** Waits until no operation is open on either host. */
const settled = (world: World) =>
  until('every operation ends', settleTimeoutMs, async () => {
    for (const host of hosts) {
      const answer = await ask(world, host, { verb: 'operations' });
      if (answer.is !== 'operations') throw new Error(`${host} answered ${answer.is}`);
      if (answer.operations.some(({ outcome }) => outcome === null)) return undefined;
    }
    return true;
  });

async function runners(world: World): Promise<Host[]> {
  const states = await Promise.all(hosts.map(async (host) => ({ host, state: (await shown(world, host))?.state })));
  return states.filter(({ state }) => state !== undefined && state !== 'stopped').map(({ host }) => host);
}

async function isWhole(world: World, host: Host, checkpoint: CheckpointId): Promise<boolean> {
  return (await ask(world, host, { verb: 'checkpoint-verify', checkpoint })).is === 'verified';
}

async function wrongRunners(world: World, running: readonly Host[]): Promise<string[]> {
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

/** The counter in the guest's memory goes on and no value of it is ever seen twice; after a restore, since the restore. */
async function wrongCounter(
  world: World,
  running: readonly Host[],
  since: ReadonlyMap<Host, number>,
  moment: Moment,
): Promise<string[]> {
  if (running.length === 0) return [];
  const before = counted(world, since).length;
  await until('the guest goes on counting', 60_000, () =>
    counted(world, since).length >= before + 3 ? true : undefined,
  ).catch(() => undefined);
  const lines = counted(world, since);
  const problems: string[] = [];
  if (lines.length < before + 3) problems.push('the guest does not count any more');
  if (new Set(lines.map(({ boot }) => boot)).size > 1) problems.push('it was booted anew');
  const twice = repeated(lines);
  if (twice.length > 0)
    problems.push(`counted twice${isMigration(moment) ? '' : ' after the restore'}: ${twice.join()}`);
  return problems;
}

const repeated = (lines: readonly GuestLine[]): number[] => {
  const seen = new Set<number>();
  return lines.map(({ count }) => count).filter((count) => seen.size === seen.add(count).size);
};

/** What is neither the running VM's nor the brokers' own. */
function leftovers(world: World, running: readonly Host[]): string[] {
  const problems: string[] = [];
  for (const host of hosts) {
    const found = readdirSync(world.layout.host(host).run).filter((name) => name !== world.spec.name);
    if (found.length > 0) problems.push(`left in ${host}'s run folder: ${found.join()}`);
    const own = readdirSync(join(world.layout.host(host).run)).includes(world.spec.name);
    if (own && !running.includes(host)) problems.push(`${host} still has the VM's run folder`);
  }
  const drafts = readdirSync(world.layout.checkpoints).filter((name) => !/^(?:cp-[0-9a-z]{26}|\.pins)$/.test(name));
  if (drafts.length > 0) problems.push(`left in the checkpoint store: ${drafts.join()}`);
  return problems;
}
