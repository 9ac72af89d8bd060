import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckpointId, OperationId } from '../../../shared/ids.ts';
import type { Action } from '../../../shared/messages/request.ts';
import { hostId } from '../../support/values.ts';
import {
  ask,
  consoleEnds,
  counted,
  finish,
  goOn,
  isStopped,
  qemusOn,
  restartBroker,
  settled,
  shown,
  signal,
  until,
  untilEnded,
} from './acts.ts';
import { type Host, hosts, otherThan } from './hosts.ts';
import { isMigration, type Moment, nameOf, pointOf } from './moments.ts';
import { type Fault, strike } from './strikes.ts';
import { damagedCheckpoints, disagreements, isWhole, leftovers, miscounts, runners } from './whole.ts';
import type { World } from './world.ts';

/** How a fault at a moment went. `problems` is empty where every promise held. */
export interface Played {
  readonly moment: string;
  readonly fault: string;
  /** What became of the VM: `runs at the source`, or that it ended with its QEMU. */
  readonly outcome: string;
  readonly problems: readonly string[];
}

const neverThere = 'the operation went another way';

/** Lets one thing fail right after one record, starts again what a service manager would, and checks what came of it. */
export async function play(world: World, moment: Moment, fault: Fault): Promise<Played> {
  const owner = await runningSomewhere(world);
  const checkpoint = moment.kind === 'restore' || moment.postcopy ? await saved(world, owner) : undefined;
  if (moment.kind === 'restore' || moment.kind === 'start') await stopped(world, owner);
  const here = moment.kind === 'migrate-destination' ? otherThan(owner) : owner;
  const stops = stopsOf(moment, fault);
  await restartBroker(world, here, moment.midway ? [] : stops.map(({ at }) => at));
  const since = consoleEnds(world);
  const asked = asking(world, owner, actionOf(world, moment, otherThan(owner), checkpoint));

  const killed: Host[] = [];
  let comes = true;
  for (const { strikes } of stops) {
    if (moment.midway) await comesMidway(world, moment, { owner, here, asked });
    comes = await comesToStop(world, here, asked);
    if (!comes) break;
    if (strikes === undefined) goOn(world, here);
    else killed.push(...(await strike(world, here, strikes)));
  }
  await settled(world);
  const problems = await disagreements(world);
  if (!comes && !moment.chance) problems.push('it never came to the record');
  const running = await runners(world);
  if (running.length > 0) problems.push(...(await miscounts(world, since)));
  const { outcome, lost } = await fate(world, { moment, owner, checkpoint, running, killed });
  if (lost) problems.push('it was lost');
  problems.push(...leftovers(world, running));
  if (moment.kind === 'save' || moment.kind === 'restore') problems.push(...(await damagedCheckpoints(world, owner)));
  return { moment: nameOf(moment), fault, outcome: comes ? outcome : neverThere, problems };
}

/** The records the broker stops after, and what fails there. */
function stopsOf(moment: Moment, fault: Fault): readonly { at: string; strikes?: Fault }[] {
  const { leadUp } = moment;
  const last = { at: pointOf(moment), strikes: fault };
  if (leadUp === undefined) return [last];
  const { at } = leadUp;
  return [...(leadUp.second ? [{ at }] : []), { at, strikes: leadUp.fault }, last];
}

/** So slow that memory is on its way for as long as it takes to notice. */
const slowBytesPerSecond = 4_000_000;
/** Sooner than a slow transfer is done. */
const soonOver = { timeoutMs: 2_000, onTimeout: 'force' } as const;
const soonPulled = { timeoutMs: 2_000, allowPostcopy: true } as const;

function actionOf(
  world: World,
  { kind, midway, overtime, postcopy }: Moment,
  destination: Host,
  checkpoint: CheckpointId | undefined,
): Action {
  const vm = world.spec.name;
  if (kind === 'save' || kind === 'start') return { verb: kind, vm };
  if (kind === 'restore' && checkpoint !== undefined) return { verb: 'restore', checkpoint };
  const bandwidthBytesPerSecond = midway || overtime || postcopy ? slowBytesPerSecond : 0;
  const options = {
    bandwidthBytesPerSecond,
    downtimeMsMax: 300,
    ...(overtime ? soonOver : {}),
    ...(postcopy ? soonPulled : {}),
  };
  return { verb: 'migrate', vm, destination: hostId(destination), options };
}

/** What became of the VM. It may be gone only with the QEMU of the host whose it was, and from what never brought it to run. */
async function fate(
  world: World,
  about: {
    moment: Moment;
    owner: Host;
    checkpoint: CheckpointId | undefined;
    running: readonly Host[];
    killed: readonly Host[];
  },
): Promise<{ outcome: string; lost: boolean }> {
  const { moment, owner, checkpoint, running, killed } = about;
  const placeOf = (host: Host) =>
    isMigration(moment) ? (host === owner ? 'at the source' : 'at the destination') : 'there';
  if (running.length > 0) return { outcome: `runs ${running.map(placeOf).join(' and ')}`, lost: false };
  if (moment.kind === 'start') return { outcome: 'not started', lost: false };
  if (checkpoint !== undefined && (await isWhole(world, owner, checkpoint)))
    return {
      outcome: moment.postcopy ? 'ended, its checkpoint is whole' : 'not restored, its checkpoint is whole',
      lost: false,
    };
  const record = await world.client.owner(world.spec.name);
  return { outcome: 'ended with its QEMU', lost: !killed.some((host) => host === record?.owner) };
}

/** Where the VM runs, started first where it does not. */
export async function runningSomewhere(world: World): Promise<Host> {
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

async function saved(world: World, owner: Host): Promise<CheckpointId> {
  const { outcome } = await finish(world, owner, { verb: 'save', vm: world.spec.name });
  if (outcome?.is !== 'completed' || outcome.checkpoint === undefined)
    throw new Error(`no checkpoint: ${JSON.stringify(outcome)}`);
  return outcome.checkpoint;
}

async function stopped(world: World, owner: Host): Promise<void> {
  const vm = world.spec.name;
  await ask(world, owner, { verb: 'stop', vm, force: true });
  await until('the VM is stopped', 60_000, async () =>
    (await shown(world, owner))?.state === 'stopped' ? true : undefined,
  );
}

interface Asked {
  operation?: OperationId;
  ended: boolean;
}

/** Begins an operation, and sees whether it has ended. The broker that is asked may stop before it has answered. */
function asking(world: World, owner: Host, action: Action): Asked {
  const asked: Asked = { ended: false };
  const follow = async () => {
    const answer = await world.client.ask(hostId(owner), action);
    if (answer.is === 'accepted') {
      asked.operation = answer.operation;
      await untilEnded(world, owner, answer.operation);
    }
    asked.ended = true;
  };
  void follow().catch(() => undefined);
  return asked;
}

/** The other host's record of how it ended comes a little later. */
const lateMs = 8_000;

/** True when the broker has stopped after a record, false when the operation ended without coming to it. */
async function comesToStop(world: World, here: Host, asked: Readonly<Asked>): Promise<boolean> {
  let endedAtMs: number | undefined;
  return until(`${here} comes to the record`, 120_000, () => {
    if (isStopped(world, here)) return true;
    if (asked.ended) endedAtMs ??= performance.now();
    return endedAtMs !== undefined && performance.now() - endedAtMs > lateMs ? false : undefined;
  });
}

/** Stops the broker when the guest's state is on its way, unless the operation ends before. */
async function comesMidway(
  world: World,
  moment: Moment,
  { owner, here, asked }: { owner: Host; here: Host; asked: Readonly<Asked> },
): Promise<void> {
  const flows = async () => {
    if (moment.kind === 'save') return memoryIsWritten(world);
    if (moment.kind === 'restore') return qemusOn(world, owner).length > 0;
    if (asked.operation === undefined) return false;
    const answer = await ask(world, owner, { verb: 'operation', operation: asked.operation });
    return answer.is === 'operation' && (answer.operation.progress.transferredBytes ?? 0) > 1_000_000;
  };
  await until('the state is on its way', 120_000, async () => asked.ended || (await flows()) || undefined);
  signal(world, here, 'SIGSTOP');
}

/** Whether a checkpoint is being written that has some of the guest's memory. */
function memoryIsWritten({ layout }: World): boolean {
  const drafts = readdirSync(layout.checkpoints).filter((name) => name.startsWith('.draft-'));
  return drafts.some(
    (draft) => (statSync(join(layout.checkpoints, draft, 'memory'), { throwIfNoEntry: false })?.blocks ?? 0) > 0,
  );
}
