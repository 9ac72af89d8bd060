import type { CheckpointId, ClientName, HostName, ImageName, VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { MigrateOptions } from '../../../shared/messages/migrate-options.ts';
import type { OwnerRecord } from '../../../shared/messages/record.ts';
import type { CarnetImage, Manifest } from '../../../shared/vm/carnet.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { Accelerator, ImageSpec, VmSpec } from '../../../shared/vm/spec.ts';

/*
 * What the operations need of the world. Adapters implement these; the tables never see them, the effects do.
 * Every promise here rejects with a BrokerError and nothing else.
 */

/** An image that was opened once. What was checked through these descriptors is what QEMU gets. */
export interface OpenImage {
  readonly spec: ImageSpec;
  readonly label: Label;
  readonly sizeBytes: number;
  /** The pool's id, the same on every host that mounts it. */
  readonly pool: string;
  /** Open for reading, and for writing unless the spec says read-only. */
  readonly fd: number;
  /** The same file opened again read-only: QEMU wants a descriptor per access mode. */
  readonly readOnlyFd: number;
}

/** The images of a VM, opened together. `close` closes every descriptor, once; QEMU keeps its own. */
export interface OpenImages {
  readonly images: readonly OpenImage[];
  close(): void;
}

/** The directory images live in. Names are validated before they get here, and are never paths. */
export interface Images {
  /** Opens, checks (plain file, one link, header names nothing undeclared) and reads the label through the same descriptor. */
  open(specs: readonly ImageSpec[]): Promise<OpenImages>;
  /** Puts a checkpoint's disk in the place of an image: written and labelled beside it, synced, then renamed over it. */
  replace(name: ImageName, sourceFd: number, label: Label): Promise<void>;
}

/** How a QEMU process comes to have a guest. */
export type Origin =
  | { readonly kind: 'boot' }
  /** Waits for another host: `-incoming defer -S`. */
  | { readonly kind: 'incoming' }
  /** Guest memory is a private mapping of `memoryFd`; the stream on `devicesFd` holds device state and small blocks. */
  | { readonly kind: 'restore'; readonly memoryFd: number; readonly devicesFd: number };

/** Everything needed to start a QEMU. Nothing in it comes from outside unchecked. */
export interface Launch {
  readonly spec: VmSpec;
  readonly accelerator: Accelerator;
  /** The domain the process starts in, where the host runs SELinux. */
  readonly label: Label;
  readonly images: OpenImages;
  readonly origin: Origin;
}

/** A pre-shared key of one transfer: derived on both sides, never sent. */
export interface TransferKey {
  readonly identity: string;
  readonly key: Uint8Array;
}

/** What QEMU reports by itself. `atMs` is QEMU's own clock. */
export type VmEvent =
  | { readonly kind: 'stopped' | 'resumed'; readonly atMs: number }
  | { readonly kind: 'migration'; readonly status: string; readonly atMs: number }
  | { readonly kind: 'shutdown'; readonly atMs: number }
  | { readonly kind: 'exited'; readonly detail: string };

/** Figures of a transfer under way, from query-migrate. */
export interface TransferFigures {
  readonly status: string;
  readonly transferredBytes: number;
  readonly remainingBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number;
  /** How often QEMU has looked for what the guest wrote: the passes over its memory so far. */
  readonly passes: number;
  /** What was sent since post-copy began; more than nothing only when the destination has everything else. */
  readonly postcopyBytes: number;
  /** What the guest wrote during the last pass. */
  readonly dirtyBytesPerSecond: number;
  /** Only where QEMU slows the guest down. */
  readonly throttlePercent?: number;
  readonly totalMs: number;
  readonly downtimeMs?: number;
  readonly error?: string;
}

/** A disk to be copied as of the moment the guest is paused for a checkpoint. */
export interface DiskCopy {
  readonly image: ImageName;
  /** A file the broker made, empty, in its own directory. */
  readonly path: string;
}

/**
 * How memory is sent. `autoConverge`: slow the guest down where it writes faster than can be sent. `allowPostcopy`: post-copy may
 * be begun.
 */
export type SendOptions = Pick<
  MigrateOptions,
  'bandwidthBytesPerSecond' | 'downtimeMsMax' | 'autoConverge' | 'allowPostcopy'
>;

/** A running QEMU, driven over QMP. It outlives the broker: `Vmm.adopt` finds it again. */
export interface VmProcess {
  readonly vm: VmName;
  readonly pid: number;
  readonly accelerator: Accelerator;
  /** QEMU's run state as Carnet says it. */
  state(): Promise<'running' | 'paused' | 'incoming' | 'transferring' | 'handed-over' | 'shutdown'>;
  /**
   * `cont`, then `announce-self` where `announce` is asked for. QEMU_FAILED means that QEMU has ended and did not let the guest
   * run, one that did before it ended is no fault of this. Idempotent.
   */
  run(options?: { announce?: boolean }): Promise<void>;
  pause(): Promise<void>;
  /** Asks the guest to power down. */
  powerDown(): Promise<void>;
  /** Ends QEMU and waits until its process is gone. Idempotent. */
  quit(): Promise<void>;
  /**
   * Destination: installs the key, sets the capabilities and listens. Answers with the port. QEMU_REFUSED where `postcopy` is
   * asked for and this host cannot do it. In post-copy `state` goes from incoming to paused when everything but memory is loaded.
   */
  listen(address: string, key: TransferKey, options?: { postcopy?: boolean }): Promise<{ port: number }>;
  /** Source: installs the key, sets capabilities and limits and sends; stops before switchover and says so by an event. */
  send(to: { address: string; port: number }, key: TransferKey, options: SendOptions): Promise<void>;
  /**
   * Source, while it sends: pauses the guest and sends the rest as fast as it can. If the transfer ends otherwise than well
   * the guest stays paused until it is run. VM_STATE where nothing is sent. Idempotent.
   */
  forceSend(): Promise<void>;
  /**
   * Source, while it sends with `allowPostcopy`: stops before switchover now, and what is not sent by then is sent in
   * post-copy, when the guest asks for it or before. If the transfer ends otherwise than well before post-copy has begun the
   * guest stays paused until it is run. VM_STATE where nothing is sent. Idempotent.
   */
  startPostcopy(): Promise<void>;
  /**
   * Source at pre-switchover: go on. Where post-copy was started the guest can never run here again from now on. Nothing in
   * post-copy.
   */
  switchOver(): Promise<void>;
  /** Source: give it up; the guest runs on, unless it was paused for it. VM_STATE in post-copy. Idempotent. */
  cancelSend(): Promise<void>;
  figures(): Promise<TransferFigures>;
  /**
   * Live checkpoint: pauses the guest, freezes `disks` at that instant, writes the stream to the unix socket at
   * `streamPath` (the broker listens there) and lets the guest go on at once. Resolves when memory and disks are
   * written; `pauseMs` is from STOP to RESUME by QEMU's clock.
   */
  saveLive(streamPath: string, disks: readonly DiskCopy[]): Promise<{ pauseMs: number }>;
  /** After `origin: restore`: loads the device state, the guest stays paused. `loadMs` is from the order to loaded. */
  load(): Promise<{ loadMs: number }>;
  /** Calls back for every event until the answer is called. */
  onEvent(callback: (event: VmEvent) => void): () => void;
}

/** One hypervisor on this host. */
export interface Vmm {
  readonly qemuVersion: string;
  /** The accelerators shown to run a guest, best first. */
  readonly accelerators: readonly Accelerator[];
  /** True where processes really start in their label's domain. */
  readonly confined: boolean;
  /** Starts QEMU paused and detached. Rejects when it does not come up, leaving nothing behind. */
  launch(launch: Launch): Promise<VmProcess>;
  /** Finds the QEMU of a VM that an earlier broker started, or nothing. */
  adopt(vm: VmName): Promise<VmProcess | undefined>;
  /** Where the guest's serial console is written. */
  consolePath(vm: VmName): string;
}

/** A checkpoint being written. `abandon` removes every trace and may be called at any time, also after a crash. */
export interface CheckpointDraft {
  readonly checkpoint: CheckpointId;
  /** Listen here for the stream QEMU sends. */
  readonly streamPath: string;
  readonly disks: readonly DiskCopy[];
  /** Resolves when the whole stream was read, checked and synced. */
  readonly received: Promise<void>;
  /** Hashes everything, signs the manifest and commits it: from then on the checkpoint exists. */
  seal(about: Omit<Manifest, 'version' | 'checkpoint' | 'memory' | 'devices' | 'disks'>): Promise<Manifest>;
  abandon(): Promise<void>;
}

/** A checkpoint whose every byte was checked against its manifest, open for restoring. */
export interface OpenCheckpoint {
  readonly manifest: Manifest;
  readonly memoryFd: number;
  readonly devicesFd: number;
  readonly diskFds: ReadonlyMap<ImageName, number>;
  readonly verifyMs: number;
  close(): void;
}

/** The checkpoints of this host. */
export interface Checkpoints {
  begin(checkpoint: CheckpointId, spec: VmSpec, stateLabel: Label): Promise<CheckpointDraft>;
  /** The signed manifests, newest first. A damaged one is left out here and reported by `open`. */
  list(): Promise<readonly Manifest[]>;
  /** Reads the manifest and checks its signature, nothing else. */
  manifest(checkpoint: CheckpointId): Promise<{ manifest: Manifest; digest: string; inUse: boolean }>;
  /** Checks every byte. CHECKPOINT_DAMAGED says which file differs. */
  open(checkpoint: CheckpointId): Promise<OpenCheckpoint>;
  /** Marks a checkpoint as mapped by a VM, or no longer; kept across restarts. */
  pin(checkpoint: CheckpointId, vm: VmName): Promise<void>;
  unpin(vm: VmName): Promise<void>;
  /** Refused with CHECKPOINT_IN_USE while a VM maps it. */
  remove(checkpoint: CheckpointId): Promise<void>;
  /** The bytes a checkpoint takes on disk. */
  bytesOf(checkpoint: CheckpointId): Promise<number>;
}

/** Who asks for what of policy. Contexts were looked up in this host's own map. */
export type GateAsk =
  | { readonly action: 'start'; readonly client: Label; readonly images: readonly Pick<OpenImage, 'spec' | 'label'>[] }
  /** Asks about the label the VM would have if this client started it. */
  | { readonly action: 'define'; readonly client: Label; readonly images: readonly Pick<OpenImage, 'spec' | 'label'>[] }
  | {
      readonly action: 'delete' | 'stop' | 'suspend' | 'resume' | 'monitor' | 'recover';
      readonly client: Label;
      readonly label: Label;
    }
  | { readonly action: 'save'; readonly client: Label; readonly label: Label }
  | {
      readonly action: 'restore';
      readonly client: Label;
      readonly label: Label;
      readonly stateLabel: Label;
      /** The host that took the checkpoint, where it was not this one. */
      readonly peer?: Label;
      readonly images: readonly Pick<OpenImage, 'spec' | 'label'>[];
    }
  /** May the client have this host drained? */
  | { readonly action: 'drain'; readonly client: Label }
  | { readonly action: 'migrate-out'; readonly client: Label; readonly label: Label; readonly peer: Label }
  | {
      readonly action: 'migrate-in';
      readonly client: Label;
      readonly label: Label;
      readonly peer: Label;
      /** It may run before all of its memory is there. */
      readonly postcopy?: boolean;
      readonly images: readonly Pick<OpenImage, 'spec' | 'label'>[];
    };

/**
 * What a decision is taken for; `fence` is the host that somebody says is off for good, with those that are off as well,
 * those that say that they do not have the VM, and the epoch taken on that word.
 */
export interface DecidedAbout {
  readonly vm?: string;
  readonly operation?: string;
  readonly by: string;
  readonly fence?: {
    readonly host: string;
    readonly also: readonly string[];
    readonly heard: readonly string[];
    readonly epoch: number;
  };
}

/** The policy point. Never throws: an error of the engine is a refusal with its reason. */
export interface Gate {
  /** Takes the decision and writes it to the audit log before it answers. */
  decide(ask: GateAsk, moment: Decision['moment'], about: DecidedAbout): Promise<Decision>;
  /** The label of the saved state of a VM, computed from its label and the store's. */
  stateLabel(label: Label): Label | undefined;
}

/** Maps certificates' names to contexts, by this host's own map. */
export interface Identities {
  contextOf(role: 'client' | 'host', name: ClientName | HostName): Label | undefined;
}

/** The owner records, in JetStream key-value. Records are signed by the host that wrote them and checked when read. */
export interface Ownership {
  /** Whether an acknowledged write stays: with fewer than three replicas a server that loses power may forget its last ones. */
  readonly decidesAlone: boolean;
  read(vm: VmName): Promise<{ record: OwnerRecord; revision: number } | undefined>;
  /** Creates the record (`revision` 0) or replaces the one at `revision`. OWNER_CONFLICT when somebody was faster. */
  write(record: OwnerRecord, revision: number): Promise<number>;
  remove(vm: VmName, revision: number): Promise<void>;
  /** Calls back for every VM whose record there is or changes, until the answer is called. */
  watch(onChange: (vm: VmName) => void): Promise<() => void>;
}

/** What a carnet says of an image, of one that was opened. */
export const carnetImageOf = (image: OpenImage): CarnetImage => ({
  spec: image.spec,
  label: image.label,
  sizeBytes: image.sizeBytes,
  pool: image.pool,
});
