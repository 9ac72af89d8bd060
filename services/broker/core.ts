import type { VmName } from '../../shared/ids.ts';
import type { Endpoint } from '../../shared/messages/endpoint.ts';
import type { SeenNonces } from '../../shared/messages/frame.ts';
import type { HostView } from '../../shared/messages/request.ts';
import type { OperationView } from '../../shared/messages/view.ts';
import type { Store } from '../../shared/store/store.ts';
import { createDraining } from './draining/draining.ts';
import { kindsOf } from './effects/kinds.ts';
import { emptyHeld, type World } from './effects/world.ts';
import type { OpenRequest } from './peers/client-request.ts';
import { servePeers } from './peers/serve-peers.ts';
import { createQueue, type Queue } from './queue/queue.ts';
import { serveRequests } from './requests/serve-requests.ts';
import { createJournal } from './runtime/journal.ts';
import type { Journal } from './runtime/kind.ts';
import type { VmEvent } from './runtime/ports.ts';
import { createRunner, type Runner } from './runtime/runner.ts';
import { adoptRunning, hearWhatWasMissed, type Keeper, keepOwners } from './vms/reconcile.ts';
import { createVms } from './vms/vms.ts';

/** Everything a broker needs of the world, each behind its port. */
export interface CorePorts extends Omit<World, 'vms' | 'held' | 'draining'> {
  readonly store: Store;
  readonly endpoint: Endpoint;
  readonly openRequest: OpenRequest;
  /** Which messages and requests were acted on before. */
  readonly seen: SeenNonces;
  readonly hostView: () => HostView;
  /** Tells clients how their operations go. */
  readonly tell: (view: OperationView) => void;
  /** The journal cannot be written: nothing may go on. */
  readonly fatal: (error: unknown) => never;
  /** How operations are carried out; given by whoever wants to stand in between. */
  readonly kinds?: (world: World) => ReturnType<typeof kindsOf>;
  readonly journal?: (store: Store) => Journal;
}

/** The broker itself: everything but its adapters. */
export interface Core {
  readonly world: World;
  readonly runner: Runner;
  /** Stops serving. QEMUs run on. */
  close(): Promise<void>;
}

/** Takes up what an earlier broker left, then serves hosts and clients. The same for a daemon, a test and a simulation. */
export async function startCore(ports: CorePorts): Promise<Core> {
  const { store, endpoint, openRequest, seen, hostView, tell, fatal, clock, log } = ports;
  // QEMU speaks before the runner is there to listen; what it says then is found again by looking.
  let runner: Runner | undefined;
  let keeper: Keeper | undefined;
  let queue: Queue | undefined;
  const vms = createVms(store, (vm, event) => onVmEvent(vm, event));
  const world: World = { ...ports, vms, draining: createDraining(store), held: emptyHeld() };
  const kinds = (ports.kinds ?? kindsOf)(world);
  const journal = (ports.journal ?? createJournal)(store);
  runner = createRunner({
    kinds: Object.values(kinds),
    journal,
    clock,
    log,
    fatal,
    onUpdate(view) {
      tell(view);
      if (view.kind === 'migrate-source') queue?.look();
      // What happened to the VM while the operation was under way was left to it.
      if (view.endedAtMs !== null) keeper?.look(view.vm);
    },
  });

  function onVmEvent(vm: VmName, event: VmEvent): void {
    log.info('QEMU', { vm, is: event.kind, detail: 'status' in event ? event.status : null });
    runner?.deliverVmEvent(vm, event);
    if (event.kind !== 'exited') return;
    vms.detach(vm);
    keeper?.look(vm);
  }

  const started = runner;
  const open = journal.open().filter(({ endedAtMs }) => endedAtMs === null);
  const hear = (vm: VmName) => hearWhatWasMissed(world, started, vm);
  await adoptRunning(world, new Set(open.map(({ vm }) => vm)), (vm) => void hear(vm));
  await runner.recover();
  for (const { vm } of open) await hear(vm);
  const owners = await keepOwners(world, runner);
  keeper = owners;
  const waiting = createQueue({ runner, limits: world.migrations, store, clock, log });
  queue = waiting;
  queue.look();
  const stops = [
    owners.stop,
    queue.stop,
    servePeers({
      endpoint,
      world,
      runner,
      migrateDestination: kinds.migrateDestination,
      openRequest,
      seen,
      look: owners.look,
    }),
    serveRequests({ endpoint, world, runner, kinds, told: { host: hostView, placeOf: waiting.placeOf } }),
  ];
  return {
    world,
    runner,
    async close() {
      for (const stop of stops) stop();
      await runner.close();
    },
  };
}
