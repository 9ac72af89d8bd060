import type { HostName, OperationId, VmName } from '../../shared/ids.ts';
import { type Request, requestExchange } from '../../shared/messages/request.ts';
import { checkpointIdOf, hostId } from '../support/values.ts';
import { faults, lasting, mendAll } from './faults.ts';
import type { Fleet } from './fleet.ts';

/** What happens in a seed: what the user asks for, and what goes wrong at which step. */
export interface Scenario {
  /** True when something of it never mends. */
  readonly lasts: boolean;
  /** VMs a user paused, so that a paused guest is what was asked for. */
  readonly suspended: ReadonlySet<VmName>;
  /** To be called before every step; `idle` where nothing is going to happen any more. */
  beforeStep(steps: number, idle: boolean): void;
  /** True once everything was asked for, went wrong and was mended. */
  over(steps: number): boolean;
}

const stepsBeforeMending = 400;
const msBeforeMending = 200_000;

export function createScenario(fleet: Fleet): Scenario {
  const { random, time, truth } = fleet;
  const beganAtMs = time.nowMs();
  const suspended = new Set<VmName>();
  const lasts = random.chance(0.04);
  const accepted: { host: HostName; operation: OperationId }[] = [];
  let waiting = 0;

  const faultSteps = Array.from({ length: random.pick([0, 1, 1, 1, 2, 2, 3, 4]) }, () => random.between(1, 150));
  const lastFault = Math.max(0, ...faultSteps);
  let mended = false;

  async function ask(host: string, request: Request): Promise<boolean> {
    fleet.log.info('ASK', { host, verb: request.verb, vm: 'vm' in request ? request.vm : null });
    try {
      const { answer } = await fleet.client.ask(requestExchange, { role: 'host', name: host }, request);
      if (answer.is === 'accepted') accepted.push({ host: host as HostName, operation: answer.operation });
      fleet.log.info('ANSWER', { host, verb: request.verb, is: answer.is });
      return true;
    } catch (error) {
      fleet.log.info('NO ANSWER', { host, verb: request.verb, why: String(error) });
      return false;
    }
  }

  function act(): void {
    waiting -= 1;
    const vm = random.pick(fleet.vms);
    const names = fleet.hosts.map(({ name }) => name);
    const owner = truth.need(vm).owner;
    const at = random.chance(0.9) ? owner : random.pick(names);
    const options = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 };
    const draw = random.next();
    if (draw < 0.5) {
      const destination = hostId(random.pick(names.filter((name) => name !== at)));
      void ask(at, { verb: 'migrate', vm, destination, options });
    } else if (draw < 0.6) void ask(at, { verb: 'save', vm });
    else if (draw < 0.7) {
      const kept = [...fleet.storage.kept.values()].filter(({ carnet }) => carnet.spec.name === vm);
      const checkpoint = kept.length === 0 ? checkpointIdOf(0) : random.pick(kept).checkpoint;
      const there = random.chance(0.5) ? at : random.pick(names);
      void ask(there, { verb: 'restore', checkpoint });
    } else if (draw < 0.78) void ask(at, { verb: 'start', vm });
    else if (draw < 0.86) {
      // One whose answer is lost may still be carried out.
      truth.need(vm).stopsAsked += 1;
      void ask(at, { verb: 'stop', vm, force: true }).then((answered) => {
        if (answered) truth.need(vm).stopsAsked -= 1;
      });
    } else if (draw < 0.9) {
      suspended.add(vm);
      void ask(at, { verb: 'suspend', vm });
    } else if (draw < 0.93) void ask(at, { verb: 'resume', vm });
    else cancel();
  }

  function cancel(): void {
    const last = accepted[accepted.length - 1];
    if (last !== undefined) void ask(last.host, { verb: 'cancel', operation: last.operation });
  }

  const actions = random.pick([1, 1, 2, 2, 3, 4]);
  for (let one = 0; one < actions; one++) {
    waiting += 1;
    time.after(one === 0 ? 0 : random.between(0, random.pick([200, 3_000, 60_000])), act);
  }
  if (random.chance(0.15)) time.after(random.between(1, 400), cancel);

  return {
    lasts,
    suspended,
    beforeStep(steps, idle) {
      for (const at of faultSteps) {
        if (at !== steps) continue;
        if (lasts && at === lastFault) random.pick(lasting)(fleet, true);
        else random.pick(faults)(fleet, false);
      }
      if (mended || waiting > 0) return;
      const late = steps > stepsBeforeMending || time.nowMs() - beganAtMs > msBeforeMending;
      if (steps > lastFault ? random.chance(0.01) || idle : late) {
        mended = true;
        if (!lasts) mendAll(fleet);
      }
    },
    over: (steps) => mended && fleet.faultsDue === 0 && steps > lastFault,
  };
}
