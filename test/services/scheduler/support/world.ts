import { randomBytes } from 'node:crypto';
import { type Scheduler, startScheduler } from '../../../../services/scheduler/scheduler.ts';
import type { Bus } from '../../../../shared/bus/bus.ts';
import { createMemoryHub } from '../../../../shared/bus/memory.ts';
import { type HostName, newId, type OperationId, type VmName } from '../../../../shared/ids.ts';
import { silentLogger } from '../../../../shared/log/logger.ts';
import { createSeenNonces } from '../../../../shared/messages/frame.ts';
import {
  type JobAnswer,
  type JobAsk,
  jobExchange,
  type RunView,
  schedulerName,
} from '../../../../shared/messages/job.ts';
import { buckets, type OwnerRecord } from '../../../../shared/messages/record.ts';
import { sealRecord } from '../../../../shared/messages/record-seal.ts';
import type { Role } from '../../../../shared/pki/principal.ts';
import { createTestEndpoint } from '../../../support/bus.ts';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.ts';
import { createTestFleet, type TestFleet } from '../../../support/pki.ts';
import { createFakeHost, type FakeHost } from './host.ts';
import { createMortalBus, type MortalBus } from './mortal-bus.ts';

/** The first instant of every test: a Tuesday. */
export const startMs = Date.parse('2026-03-03T12:00:00Z');
/** Whose identities a scheduler of these tests holds. */
const actsFor: Readonly<Record<string, string>> = { operator: 'operator', monitor: 'monitor', misfiled: 'operator' };

let fleet: Promise<TestFleet> | undefined;

/** A fleet of two hosts on a bus in memory, with a clock that a test moves. */
export interface World {
  readonly clock: ManualClock;
  readonly fleet: TestFleet;
  readonly alpha: FakeHost;
  readonly beta: FakeHost;
  readonly bus: Bus;
  /** One more scheduler process, which can be asked to end, or just die. */
  scheduler(): Promise<{ stop(): Promise<void> } & Pick<MortalBus, 'die' | 'loseAnswers'>>;
  /** Asks the scheduler in the name of a client. */
  job(client: string, ask: JobAsk): Promise<JobAnswer>;
  jobAs(role: Role, name: string, ask: JobAsk): Promise<JobAnswer>;
  /** Writes the owner record of a VM, signed by `signer`. */
  own(vm: string, owner: string, over?: Partial<OwnerRecord>, signer?: string): Promise<void>;
  /** Moves time, a quarter of a second at a time, and lets everything happen that then happens. */
  pass(ms: number): Promise<void>;
  runs(client: string, job: string): Promise<RunView[]>;
  /** Ends the schedulers that still run. */
  end(): Promise<void>;
}

/** Lets everything happen that can happen without time passing: on this bus nothing waits for anything but promises. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export async function createWorld(): Promise<World> {
  fleet ??= createTestFleet('test', startMs);
  const members = await fleet;
  const clock = createManualClock(startMs);
  const hub = createMemoryHub(clock);
  const bus = hub.member();
  const owners = await bus.bucket(buckets.owners);
  const hostOn = async (name: string) =>
    createFakeHost(await createTestEndpoint(members, hub.member(), 'host', name, { clock }), clock);
  const running = new Set<Scheduler>();

  async function jobAs(role: Role, name: string, ask: JobAsk): Promise<JobAnswer> {
    const endpoint = await createTestEndpoint(members, bus, role, name, { clock });
    return (await endpoint.ask(jobExchange, { role: 'service', name: schedulerName }, ask)).answer;
  }

  const world: World = {
    clock,
    fleet: members,
    bus,
    alpha: await hostOn('alpha'),
    beta: await hostOn('beta'),
    async scheduler() {
      const own = createMortalBus(hub.member());
      const scheduler = await startScheduler({
        bus: own.bus,
        identity: await members.identity('service', schedulerName),
        async identityOf(client) {
          const name = actsFor[client];
          return name === undefined ? undefined : members.identity('client', name);
        },
        clock,
        random: randomBytes,
        seen: createSeenNonces(),
        log: silentLogger,
      });
      running.add(scheduler);
      await settled();
      return {
        stop: () => scheduler.stop(),
        loseAnswers: own.loseAnswers,
        async die() {
          running.delete(scheduler);
          await own.die();
        },
      };
    },
    job: (client, ask) => jobAs('client', client, ask),
    jobAs,
    async own(vm, owner, over = {}, signer = owner) {
      const operation = newId('op', clock.nowMs(), randomBytes(10)) as OperationId;
      const record: OwnerRecord = {
        vm: vm as VmName,
        owner: owner as HostName,
        epoch: 1,
        running: true,
        operation,
        ...over,
      };
      const sealed = sealRecord(await members.identity('host', signer), `owner/${record.vm}`, record, clock.nowMs());
      const there = await owners.get(vm);
      await (there === undefined ? owners.create(vm, sealed) : owners.update(vm, sealed, there.revision));
    },
    async pass(ms) {
      await settled();
      for (let left = ms; left > 0; left -= 250) {
        clock.advance(Math.min(250, left));
        await settled();
      }
    },
    async runs(client, job) {
      const answer = await jobAs('client', client, { verb: 'history', job: job as never, runs: 50 });
      if (answer.is !== 'runs') throw new Error(JSON.stringify(answer));
      return answer.runs;
    },
    async end() {
      await Promise.all([...running].map((scheduler) => scheduler.stop()));
    },
  };
  return world;
}

/** An ask to add a job: `often`, of the VM `web`, every five seconds, keep the last two. */
export const addOften = (over: Partial<Extract<JobAsk, { verb: 'add' }>> = {}): JobAsk => ({
  verb: 'add',
  job: 'often' as never,
  vm: 'web' as VmName,
  schedule: 'every 5 s',
  timeZone: 'UTC',
  keepLast: 2,
  ...over,
});
