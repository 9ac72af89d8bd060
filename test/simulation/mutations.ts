import type { CorePorts } from '../../services/broker/core.ts';
import { kindsOf } from '../../services/broker/effects/kinds.ts';
import type { World } from '../../services/broker/effects/world.ts';
import { cancelled, timedOut } from '../../services/broker/machine/outcomes.ts';
import type { Effect, Event, Row, State } from '../../services/broker/machine/row.ts';
import { type Table, tableOf } from '../../services/broker/machine/table.ts';
import { migrateSource } from '../../services/broker/migrate/source.ts';
import { createJournal } from '../../services/broker/runtime/journal.ts';
import type { AnyKind, Performing } from '../../services/broker/runtime/kind.ts';
import type { OperationId, VmName } from '../../shared/ids.ts';
import type { Endpoint } from '../../shared/messages/endpoint.ts';
import type { OwnerRecord } from '../../shared/messages/record.ts';
import type { Recovery } from '../../shared/messages/recovery.ts';
import { clientId } from '../support/values.ts';

/*
 * Each breaks one thing that the product does, in what stands around it: the simulation must notice every one of them. What
 * it would not notice it does not prove.
 */

type Kinds = ReturnType<typeof kindsOf>;

/** One thing that is broken on purpose. */
export interface Mutation {
  /** False: a write counts as done before it is on disk. */
  readonly flushIsAwaited?: boolean;
  /** True: the listener of a grant takes a second connection. */
  readonly listenersAreReused?: boolean;
  readonly ports?: (ports: CorePorts) => CorePorts;
  readonly kinds?: (world: World) => Kinds;
}

type AnyTable = Table<State, Event, Effect>;
type AnyRow = Row<State, Event, Effect>;

/** The source's table with other rows in the place of those that start and are caused alike. */
function sourceWith(...rows: readonly AnyRow[]): AnyTable {
  const table = migrateSource as unknown as AnyTable;
  const replaced = new Set(rows.map(({ from, on }) => `${from} ${on}`));
  return tableOf({ ...table, rows: [...table.rows.filter(({ from, on }) => !replaced.has(`${from} ${on}`)), ...rows] });
}

/** The kinds as they are, but for what one of them does otherwise. */
const withKind =
  (name: keyof Kinds, otherwise: (kind: AnyKind, world: World) => Partial<AnyKind>) =>
  (world: World): Kinds => {
    const kinds = kindsOf(world);
    return { ...kinds, [name]: { ...kinds[name], ...otherwise(kinds[name], world) } };
  };

const withSource = (table: AnyTable) => withKind('migrateSource', () => ({ table }));

/** An effect that is to be performed: `perform` does what the kind does. */
interface Ordered {
  readonly effect: string;
  readonly state: State;
  readonly world: World;
  readonly perform: () => Promise<Event | undefined>;
}

/** One kind carries out its effects like this. */
const performing = (name: keyof Kinds, like: (ordered: Ordered) => Promise<Event | undefined>) =>
  withKind(name, (kind, world) => ({
    perform: (effect, state, by) =>
      like({ effect: effect.effect, state, world, perform: () => kind.perform(effect, state, by) }),
  }));

/** The VM and the operation that a state is about, as every state of a migration has them. */
const aboutOf = (state: State) => state as unknown as { readonly vm: VmName; readonly operation: OperationId };

/** A row by which the source lets its guest run again although it has handed it over. */
const runsAgain = (from: string, on: string, outcome: object): AnyRow => ({
  from,
  on,
  to: 'withdrawing',
  next: (state) => ({ ...state, state: 'withdrawing', outcome }) as State,
  effects: () => [{ effect: 'withdraw' }],
});

export const mutations = {
  'effects-before-persist': {
    ports: (ports) => ({
      ...ports,
      journal(store) {
        const journal = createJournal(store);
        return {
          ...journal,
          write(record) {
            ports.clock.after(30, () => void journal.write(record).catch(() => {}));
            return Promise.resolve();
          },
        };
      },
    }),
  },
  'resume-on-deadline': {
    kinds: withSource(
      sourceWith(
        runsAgain('handing-over', 'deadline-passed', timedOut('answer to the handover')),
        runsAgain('handing-over', 'failed', timedOut('answer to the handover')),
      ),
    ),
  },
  'run-before-record': {
    kinds: performing('migrateDestination', async ({ effect, state, world, perform }) => {
      if (effect === 'move-owner') await world.vms.process(aboutOf(state).vm)?.run();
      return perform();
    }),
  },
  'handover-before-completed': {
    kinds: withSource(
      sourceWith({
        from: 'deciding-switchover',
        on: 'switchover-allowed',
        to: 'handing-over',
        next: (state) => ({ ...state, state: 'handing-over' }),
        effects: () => [{ effect: 'switch-over' }, { effect: 'send-handover' }],
      }),
    ),
  },
  'grant-used-twice': {
    listenersAreReused: true,
    kinds: withKind('migrateSource', (source, world) => {
      const tried = new Set<OperationId>();
      const by: Performing = {
        client: clientId('operator'),
        report() {},
        overtaken: () => false,
        wait: async () => {},
      };
      return {
        onVmEvent(state, event) {
          const { operation } = aboutOf(state);
          const failed = event.kind === 'migration' && event.status === 'failed' && state.state === 'transferring';
          if (!failed || tried.has(operation)) return source.onVmEvent(state, event);
          tried.add(operation);
          world.clock.after(2_000, () => {
            void source.perform({ effect: 'start-transfer' }, state, by).catch(() => {});
          });
          return undefined;
        },
      };
    }),
  },
  'no-decision-at-switchover': {
    ports: (ports) => ({
      ...ports,
      gate: {
        ...ports.gate,
        async decide(ask, moment, about) {
          const yes = await ports.gate.decide(ask, moment === 'switchover' ? 'first-byte' : moment, about);
          return moment === 'switchover' ? { ...yes, outcome: 'allowed' } : yes;
        },
      },
    }),
  },
  'recovery-forgets-effects': {
    ports: (ports) => ({
      ...ports,
      journal(store) {
        const journal = createJournal(store);
        return { ...journal, open: () => journal.open().map((record) => ({ ...record, pending: [] })) };
      },
    }),
  },
  'flush-not-awaited': { flushIsAwaited: false },
  'cancel-after-commit': {
    kinds: withSource(
      sourceWith(
        runsAgain('handing-over', 'cancel-asked', cancelled),
        runsAgain('in-doubt', 'cancel-asked', cancelled),
      ),
    ),
  },
  'running-without-a-guest': {
    kinds: performing('migrateDestination', async ({ state, perform }) => {
      const event = await perform();
      return event?.event === 'guest-lost' && state.state === 'running-guest' ? { event: 'running' } : event;
    }),
  },
  'copy-destroyed-on-the-record': {
    ports(ports) {
      const { peers, ownership } = ports;
      const release: typeof peers.release = async (to, asked) => {
        const record = (await ownership.read(asked.vm))?.record;
        return record?.owner === to ? { is: 'running' } : peers.release(to, asked);
      };
      return { ...ports, peers: { ...peers, release } };
    },
  },
  'told-and-ended-taken-for-run': {
    kinds: performing('migrateDestination', ({ effect, state, world, perform }) => {
      if (effect === 'run') world.held.untold.delete(aboutOf(state).operation);
      return perform();
    }),
  },
  'fence-in-the-same-epoch': {
    ports(ports) {
      const { ownership, endpoint } = ports;
      const seen = new Map<string, OwnerRecord>();
      const fenced = new Set<string>();
      const serve: Endpoint['serve'] = (exchange, handler) =>
        endpoint.serve(exchange, (body, context) => {
          const asked = body as { vm?: string; fenced?: string };
          if (asked.fenced !== undefined && asked.vm !== undefined) fenced.add(asked.vm);
          return handler(body, context);
        });
      return {
        ...ports,
        endpoint: { ...endpoint, serve },
        ownership: {
          ...ownership,
          async read(vm) {
            const found = await ownership.read(vm);
            if (found !== undefined) seen.set(vm, found.record);
            return found;
          },
          write(record, revision) {
            const before = seen.get(record.vm);
            const takesOver = fenced.has(record.vm) && before !== undefined && before.owner !== record.owner;
            return ownership.write(takesOver ? { ...record, epoch: before.epoch } : record, revision);
          },
        },
      };
    },
  },
  'fence-without-the-word': {
    ports(ports) {
      const { endpoint } = ports;
      const serve: Endpoint['serve'] = (exchange, handler) =>
        endpoint.serve(exchange, async (body, context) => {
          const answer = await handler(body, context);
          const { recovery } = answer as { recovery?: Recovery };
          if ((body as { fenced?: unknown }).fenced !== undefined || recovery === undefined) return answer;
          return handler({ ...body, fenced: recovery.fenced }, context);
        });
      return { ...ports, endpoint: { ...endpoint, serve } };
    },
  },
  'recover-without-asking': {
    ports: (ports) => ({
      ...ports,
      peers: { ...ports.peers, whoHas: async () => ({ is: 'has-not', epoch: 0 }) },
    }),
  },
  'forced-guest-left-paused': {
    kinds: performing('migrateSource', async ({ effect, state, world, perform }) => {
      if (effect !== 'withdraw' || !('forced' in state)) return perform();
      await world.vms.process(aboutOf(state).vm)?.cancelSend();
      return { event: 'withdrawn' };
    }),
  },
  'drained-host-takes-in': {
    kinds: (world) => kindsOf({ ...world, draining: { ...world.draining, mark: () => undefined } }),
  },
  'limits-ignored': {
    ports: (ports) => ({ ...ports, migrations: { ...ports.migrations, outboundMax: 64 } }),
  },
  'room-not-checked': {
    ports: (ports) => ({ ...ports, migrations: { ...ports.migrations, inboundMax: 64 } }),
  },
  'copy-destroyed-while-pulled': {
    kinds: performing('migrateSource', async ({ perform }) => {
      const event = await perform();
      return event?.event === 'destination-pulling' ? { event: 'destination-running' } : event;
    }),
  },
  'runs-again-after-postcopy': {
    kinds: withSource(
      sourceWith(
        runsAgain('pulling', 'deadline-passed', timedOut('answer to the handover')),
        runsAgain('pulling', 'failed', timedOut('answer to the handover')),
      ),
    ),
  },
  'handover-before-postcopy': {
    kinds: performing('migrateSource', async ({ effect, perform }) =>
      effect === 'await-postcopy' ? { event: 'postcopy-began' } : perform(),
    ),
  },
  'released-in-postcopy': {
    kinds: withKind('migrateDestination', (destination) => ({
      onVmEvent: (state, event) =>
        state.state === 'deciding-postcopy-run' && event.kind === 'migration'
          ? { event: 'transfer-failed', fault: { code: 'TRANSFER_FAILED', message: 'given up' } }
          : destination.onVmEvent(state, event),
    })),
  },
  'record-trusted-alone': {
    ports: (ports) => ({ ...ports, ownership: { ...ports.ownership, decidesAlone: true } }),
  },
} as const satisfies Readonly<Record<string, Mutation>>;

export const mutationOf = (name: string): Mutation | undefined =>
  (mutations as Readonly<Record<string, Mutation>>)[name];
