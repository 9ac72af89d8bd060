import type { Launch, TransferKey, VmEvent, VmProcess } from '../../../services/broker/runtime/ports.ts';
import type { VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { Life, Pace } from '../chances.ts';
import type { Links } from '../links.ts';
import type { Random } from '../random.ts';
import type { Time } from '../time.ts';
import type { Truth } from '../truth.ts';

/*
 * QEMU as a broker and another QEMU see it, with the habits of 7.2: a source goes on by itself when a transfer fails, a
 * destination whose transfer fails exits, nothing ever times out, and after `completed` either side does what it is told.
 */

type RunState = Awaited<ReturnType<VmProcess['state']>>;

/** One QEMU process. It outlives its broker. */
export interface Qemu {
  readonly host: string;
  readonly vm: VmName;
  readonly pid: number;
  readonly label: Label;
  readonly origin: Launch['origin']['kind'] | 'seed';
  alive: boolean;
  run: RunState;
  /** `query-migrate`'s status. */
  migration: string;
  /** How often it was told to send. */
  attempts: number;
  /** Which state of the guest it holds; 0 where it never ran. */
  version: number;
  /** Whether it holds all of it. */
  complete: boolean;
  hasRun: boolean;
  /** Whether it may let its guest run without the broker that started it being told. */
  mayBeTold: boolean;
  peer: Qemu | undefined;
  /** Whether its guest writes faster than can be sent, and whether it was paused for that. */
  restless: boolean;
  forced: boolean;
  /** As a source: it may begin post-copy, it was told to, and it has sent everything but memory. */
  mayPull: boolean;
  pulled: boolean;
  packaged: boolean;
  /** As a destination: it has everything but memory, and only that. */
  partly: boolean;
  /** What it has sent, and how often it has begun anew. */
  sentBytes: number;
  passes: number;
  /** Until when its monitor is silent. What it is told meanwhile it does then. */
  silentUntilMs: number;
  /** When it will have done what it was told so far. */
  toldUntilMs: number;
  port: number;
  key: TransferKey | undefined;
  readonly listeners: Set<{ readonly life: Life; readonly callback: (event: VmEvent) => void }>;
  /** Events are heard in their order. */
  saidUntilMs: number;
}

export const guestRuns = ({ alive, run }: Qemu): boolean => alive && run === 'running';

/** One that was started just now. */
export function newQemu(of: Pick<Qemu, 'host' | 'vm' | 'label' | 'origin' | 'pid'>): Qemu {
  return {
    ...of,
    alive: true,
    run: of.origin === 'incoming' ? 'incoming' : 'paused',
    migration: 'none',
    attempts: 0,
    version: 0,
    complete: of.origin === 'boot' || of.origin === 'seed',
    hasRun: false,
    mayBeTold: false,
    peer: undefined,
    restless: false,
    forced: false,
    mayPull: false,
    pulled: false,
    packaged: false,
    partly: false,
    sentBytes: 0,
    passes: 0,
    silentUntilMs: 0,
    toldUntilMs: 0,
    port: 0,
    key: undefined,
    listeners: new Set(),
    saidUntilMs: 0,
  };
}

/** What the QEMUs of a fleet share; `added` and `pulls` are what they are in the fleet. */
export interface Surroundings {
  readonly time: Time;
  readonly random: Random;
  readonly added: Random;
  readonly pulls: Random;
  readonly pace: Pace;
  readonly links: Links;
  readonly truth: Truth;
  /** Does something in a while, as long as things take in this seed. */
  soon(act: () => void): void;
}
