import type { OperationRecord } from '../../services/broker/runtime/kind.ts';
import type { HostName, OperationId, VmName } from '../../shared/ids.ts';
import type { MigrateOptions } from '../../shared/messages/migrate-options.ts';
import { type Answer, type Request, requestExchange } from '../../shared/messages/request.ts';
import { checkpointIdOf, hostId } from '../support/values.ts';
import { faults, lasting, lostOnArrival, mendAll, policyActions } from './faults.ts';
import type { Fleet } from './fleet.ts';
import { createOperator } from './operator.ts';
import type { Random } from './random.ts';

/** What happens in a seed: what the user asks for, and what goes wrong at which step. */
export interface Scenario {
  /** True when something of it never mends. */
  readonly lasts: boolean;
  /** VMs a user paused, so that a paused guest is what was asked for. */
  readonly suspended: ReadonlySet<VmName>;
  /** Nothing goes wrong in it. */
  readonly calm: boolean;
  /** To be called before every step; `rests` where no operation is under way. */
  beforeStep(steps: number, rests: boolean): void;
  /** True once everything was asked for, went wrong and was mended. */
  over(): boolean;
}

const stepsBeforeMending = 400;
const msBeforeMending = 200_000;
/** How often somebody looks after what only somebody can end, once everything is mended. */
const tendingMs = 30_000;

/** Mostly nothing is asked for; a timeout is short enough to pass. */
function migrateOptionsOf(random: Random): MigrateOptions {
  const usual = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 };
  if (random.chance(0.7)) return usual;
  return { ...usual, timeoutMs: random.pick([1_000, 5_000, 400_000]), onTimeout: random.pick(['abort', 'force']) };
}

/** Where post-copy is allowed it is mostly come to: there is little time, or somebody asks. */
function postcopyOptionsOf(random: Random): Partial<MigrateOptions> {
  const onTimeout = random.pick(['postcopy', 'postcopy', 'force', undefined] as const);
  const timeoutMs = random.pick([1_000, 1_000, 5_000, 400_000]);
  return { allowPostcopy: true, timeoutMs, ...(onTimeout === undefined ? {} : { onTimeout }) };
}

export function createScenario(fleet: Fleet, hard: boolean): Scenario {
  const { random, time, truth } = fleet;
  const beganAtMs = time.nowMs();
  const suspended = new Set<VmName>();
  const lasts = random.chance(0.04);
  const accepted: { host: HostName; operation: OperationId }[] = [];
  /** What is still to be asked, and what was asked and not answered yet. */
  let waiting = 0;

  const faultCount = random.pick(hard ? [2, 3, 4, 6] : [0, 1, 1, 1, 2, 2, 3, 4]);
  const faultSteps = Array.from({ length: faultCount }, () => random.between(1, 120));
  faultSteps.sort((a, b) => a - b);
  const operator = createOperator(fleet, ask);
  const arrivalBreaks = fleet.added.chance(0.08);
  if (arrivalBreaks) lostOnArrival(fleet, false);
  const calm = faultSteps.length === 0 && !arrivalBreaks;
  let mended = false;
  let tendedAtMs = 0;

  /** What was answered; undefined where nothing was. */
  async function ask(host: string, request: Request): Promise<Answer['is'] | undefined> {
    waiting += 1;
    fleet.log.info('ASK', { host, verb: request.verb, vm: 'vm' in request ? request.vm : null });
    try {
      const { answer } = await fleet.client.ask(requestExchange, { role: 'host', name: host }, request);
      if (answer.is === 'accepted') accepted.push({ host: host as HostName, operation: answer.operation });
      fleet.log.info('ANSWER', { host, verb: request.verb, is: answer.is });
      return answer.is;
    } catch (error) {
      fleet.log.info('NO ANSWER', { host, verb: request.verb, why: String(error) });
      return undefined;
    } finally {
      waiting -= 1;
    }
  }

  function act(): void {
    const vm = random.pick(fleet.vms);
    const names = fleet.hosts.map(({ name }) => name);
    const owner = truth.need(vm).owner;
    const at = random.chance(0.9) ? owner : random.pick(names);
    const usual = migrateOptionsOf(fleet.added);
    const pulled = fleet.postcopy && fleet.pulls.chance(0.8);
    const options = pulled ? { ...usual, ...postcopyOptionsOf(fleet.pulls) } : usual;
    if (pulled) later(fleet.pulls.between(1, 4_000), () => interfere(fleet.pulls.chance(0.8) ? 'pull' : 'cancel'));
    // A VM that does not run is not migrated: what is asked of it is mostly what it takes to run.
    const stopped = truth.need(vm).gone && random.chance(0.7);
    const draw = stopped ? random.pick([0.6, 0.7]) : random.next();
    if (draw < 0.45) {
      const destination = hostId(random.pick(names.filter((name) => name !== at)));
      const priority = random.pick([1, 5, 5]);
      const queueMsMax = random.pick([0, 200, 3_000, 600_000]);
      void ask(at, { verb: 'migrate', vm, destination, options, priority, queueMsMax });
    } else if (draw < 0.54) void ask(at, { verb: 'save', vm });
    else if (draw < 0.66) {
      const kept = [...fleet.storage.kept.values()].filter(({ carnet }) => carnet.spec.name === vm);
      const checkpoint = kept.length === 0 ? checkpointIdOf(0) : random.pick(kept).checkpoint;
      const there = random.chance(0.5) ? at : random.pick(names);
      void ask(there, { verb: 'restore', checkpoint });
    } else if (draw < 0.76) void ask(at, { verb: 'start', vm });
    else if (draw < 0.86) stopHard(at, vm);
    else if (draw < 0.9) {
      suspended.add(vm);
      void ask(at, { verb: 'suspend', vm });
    } else if (draw < 0.93) void ask(at, { verb: 'resume', vm });
    else interfere(fleet.added.chance(0.4) ? 'force' : 'cancel');
  }

  function later(ms: number, then: () => void): void {
    waiting += 1;
    time.after(ms, () => {
      then();
      waiting -= 1;
    });
  }

  /** Marks a host, and mostly takes the mark away again. */
  async function drain(): Promise<void> {
    const { name } = fleet.added.pick(fleet.hosts);
    if ((await ask(name, { verb: 'drain' })) === 'done') truth.draining(name);
    if (fleet.added.chance(0.3)) return;
    later(fleet.added.between(100, 20_000), () => {
      truth.undraining(name);
      void ask(name, { verb: 'undrain' });
    });
  }

  function interfere(verb: 'cancel' | 'force' | 'pull'): void {
    const last = accepted[accepted.length - 1];
    if (last === undefined) return;
    // Both hosts of a migration know it under one name.
    const at = verb === 'pull' || random.chance(0.7) ? last.host : random.pick(fleet.hosts).name;
    const { operation } = last;
    void ask(at, verb === 'pull' ? { verb: 'force', operation, postcopy: true } : { verb, operation });
  }

  /** Ends guests whose memory somebody has still to give up, and has them allowed that no other host has. */
  function tend(states: readonly string[]): void {
    for (const host of fleet.hosts) {
      for (const { vm, state } of host.disk.values('operations-open') as Iterable<OperationRecord>) {
        if (!states.includes(state.state)) continue;
        if (state.state === 'deciding-postcopy-run') host.policy.refused.delete('migrate-in');
        else stopHard(host.name, vm);
      }
    }
  }

  function stopHard(at: string, vm: VmName): void {
    // One whose answer is lost may still be carried out.
    truth.need(vm).stopsAsked += 1;
    void ask(at, { verb: 'stop', vm, force: true }).then((answered) => {
      if (answered !== undefined) truth.need(vm).stopsAsked -= 1;
      if (answered === 'done' && opOf(at, vm)?.state.state === 'losing') truth.need(vm).givenUp = true;
    });
  }

  function opOf(at: string, vm: VmName): OperationRecord | undefined {
    const host = fleet.hosts.find(({ name }) => name === at);
    const open = (host?.disk.values('operations-open') ?? []) as Iterable<OperationRecord>;
    for (const record of open) if (record.vm === vm && record.endedAtMs === null) return record;
    return undefined;
  }

  if (fleet.postcopy && fleet.pulls.chance(0.2)) {
    later(fleet.pulls.between(100, 40_000), () => tend(['pulling', 'cut-off']));
  }

  if (fleet.added.chance(0.06)) later(fleet.added.between(0, 200), () => void drain());

  if (random.chance(0.15)) random.pick(fleet.hosts).policy.refused.add(random.pick(policyActions));

  const actions = random.pick([1, 1, 2, 2, 3, 4]);
  for (let one = 0; one < actions; one++) {
    later(one === 0 ? 0 : random.between(0, random.pick([200, 3_000, 60_000])), act);
  }
  for (let one = random.pick([0, 0, 0, 1, 1, 2]); one > 0; one--) {
    time.after(random.between(1, 400), () => interfere(fleet.added.chance(0.4) ? 'force' : 'cancel'));
  }

  return {
    lasts,
    calm,
    suspended,
    beforeStep(steps, rests) {
      // A fleet at rest waits for nothing: what is still to go wrong goes wrong now.
      const next = faultSteps[0];
      if (next !== undefined && (next <= steps || (rests && waiting === 0))) {
        faultSteps.shift();
        if (lasts && faultSteps.length === 0) random.pick(lasting)(fleet, true);
        else random.pick(faults)(fleet, false);
        return;
      }
      if (mended && !lasts && fleet.postcopy && time.nowMs() - tendedAtMs > tendingMs) {
        tendedAtMs = time.nowMs();
        tend(['cut-off', 'deciding-postcopy-run']);
      }
      if (mended || waiting > 0 || next !== undefined) return;
      const late = steps > stepsBeforeMending || time.nowMs() - beganAtMs > msBeforeMending;
      if (rests || late || random.chance(0.01)) {
        mended = true;
        if (lasts) return;
        mendAll(fleet);
        operator.mended();
      }
    },
    over: () => mended && fleet.faultsDue === 0 && (lasts || operator.done()),
  };
}
