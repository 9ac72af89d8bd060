import type {
  Launch,
  TransferFigures,
  TransferKey,
  VmEvent,
  Vmm,
  VmProcess,
} from '../../../services/broker/runtime/ports.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { VmName } from '../../../shared/ids.ts';

/** QEMUs that are only remembered, and the wire between them. Several hosts share one, as they share a network. */
export interface FakeWire {
  readonly listening: Map<number, { readonly process: FakeProcess; readonly key: TransferKey }>;
  nextPort: number;
}

export const createWire = (): FakeWire => ({ listening: new Map(), nextPort: 50_000 });

/** Everything QEMU was asked to do, in order: `launch boot web1`, `run web1` … */
export type Calls = string[];

export interface FakeVmm extends Vmm {
  readonly calls: Calls;
  readonly processes: Map<VmName, FakeProcess>;
  /** True: memory is sent until somebody forces it. */
  endless: boolean;
  /** What happens instead of the named call, once. */
  readonly instead: Map<string, () => Promise<never>>;
}

export interface FakeProcess extends VmProcess {
  running: boolean;
  /** What QEMU says of a post-copy from now on. */
  pulled(status: 'completed' | 'postcopy-paused'): void;
  /** Everything but memory has come in. */
  devicesLoaded(): void;
  emit(event: VmEvent): void;
}

export function createFakeVmm(wire: FakeWire, calls: Calls = []): FakeVmm {
  const processes = new Map<VmName, FakeProcess>();
  const instead = new Map<string, () => Promise<never>>();
  let pids = 1000;

  async function call(what: string, vm: VmName): Promise<void> {
    calls.push(`${what} ${vm}`);
    const other = instead.get(what);
    instead.delete(what);
    await other?.();
  }

  function processOf(launch: Launch): FakeProcess {
    const vm = launch.spec.name;
    const listeners = new Set<(event: VmEvent) => void>();
    let state: Awaited<ReturnType<VmProcess['state']>> = launch.origin.kind === 'incoming' ? 'incoming' : 'paused';
    let peer: FakeProcess | undefined;
    let sending = false;
    let pulls = false;
    let status = 'none';
    const converge = () => {
      sending = false;
      state = 'paused';
      process.emit({ kind: 'stopped', atMs: Date.now() });
      process.emit(migration('pre-switchover'));
    };
    const migration = (status: string): VmEvent => ({ kind: 'migration', status, atMs: Date.now() });
    const migrated = (now: string) => {
      status = now;
      process.emit(migration(now));
    };
    const process: FakeProcess = {
      vm,
      pid: pids++,
      accelerator: launch.accelerator,
      get running() {
        return state === 'running' || state === 'transferring';
      },
      set running(value) {
        state = value ? 'running' : 'paused';
      },
      emit(event) {
        for (const listener of [...listeners]) listener(event);
      },
      state: async () => state,
      async run() {
        await call('run', vm);
        state = 'running';
        process.emit({ kind: 'resumed', atMs: Date.now() });
      },
      async pause() {
        await call('pause', vm);
        state = 'paused';
      },
      async powerDown() {
        await call('powerDown', vm);
        process.emit({ kind: 'shutdown', atMs: Date.now() });
      },
      async quit() {
        await call('quit', vm);
        if (processes.get(vm) === process) processes.delete(vm);
      },
      async listen(_address, key) {
        await call('listen', vm);
        const port = wire.nextPort++;
        wire.listening.set(port, { process, key });
        return { port };
      },
      async send({ port }, key) {
        await call('send', vm);
        const listener = wire.listening.get(port);
        if (listener === undefined || Buffer.compare(listener.key.key, key.key) !== 0) {
          throw new BrokerError('TRANSFER_FAILED', 'the handshake failed');
        }
        peer = listener.process;
        peer.emit(migration('active'));
        sending = true;
        if (!vmm.endless) converge();
      },
      async forceSend() {
        await call('forceSend', vm);
        converge();
      },
      async startPostcopy() {
        await call('startPostcopy', vm);
        pulls = true;
        status = 'pre-switchover';
        converge();
      },
      pulled(now) {
        state = now === 'completed' && state === 'transferring' ? 'handed-over' : state;
        migrated(now);
      },
      devicesLoaded() {
        state = 'paused';
        migrated('postcopy-active');
      },
      async switchOver() {
        await call('switchOver', vm);
        if (pulls) {
          state = 'transferring';
          migrated('postcopy-active');
          peer?.devicesLoaded();
          return;
        }
        state = 'handed-over';
        peer?.emit(migration('completed'));
        process.emit(migration('completed'));
      },
      async cancelSend() {
        await call('cancelSend', vm);
        if (peer === undefined) return;
        peer = undefined;
        sending = false;
        if (state !== 'handed-over') state = 'running';
        process.emit(migration('cancelled'));
      },
      figures: async (): Promise<TransferFigures> => ({
        status: sending ? 'active' : status === 'none' ? 'completed' : status,
        transferredBytes: 1000,
        remainingBytes: 0,
        totalBytes: 1000,
        bytesPerSecond: 1000,
        passes: 1,
        postcopyBytes: status.startsWith('postcopy') ? 1 : 0,
        dirtyBytesPerSecond: 0,
        totalMs: 1000,
      }),
      async saveLive() {
        await call('saveLive', vm);
        return { pauseMs: 3 };
      },
      async load() {
        await call('load', vm);
        state = 'paused';
        return { loadMs: 5 };
      },
      onEvent(callback) {
        listeners.add(callback);
        return () => listeners.delete(callback);
      },
    };
    return process;
  }

  const vmm: FakeVmm = {
    calls,
    processes,
    instead,
    endless: false,
    qemuVersion: '7.2.0',
    accelerators: ['tcg'],
    confined: true,
    async launch(launch) {
      await call(`launch ${launch.origin.kind}`, launch.spec.name);
      const process = processOf(launch);
      processes.set(launch.spec.name, process);
      return process;
    },
    adopt: async (vm) => processes.get(vm),
    consolePath: (vm) => `/console/${vm}`,
  };
  return vmm;
}
