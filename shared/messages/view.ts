import { checkpointId, clientName, hostName, operationId, sha256Hex, vmName } from '../ids.ts';
import { label } from '../label/label.ts';
import { limits } from '../limits.ts';
import {
  fields,
  flag,
  integer,
  list,
  literal,
  maybe,
  nullable,
  oneOf,
  real,
  type Shape,
  text,
  variant,
} from '../schema/schema.ts';
import { manifest } from '../vm/carnet.ts';
import { decision } from '../vm/decision.ts';
import { accelerator, vmSpec } from '../vm/spec.ts';
import { declareNotice } from './exchange.ts';
import { fault } from './fault.ts';
import { migrateOptions } from './migrate-options.ts';
import { fence } from './recovery.ts';

const epoch = integer(0, Number.MAX_SAFE_INTEGER);
const timeMs = integer(0, Number.MAX_SAFE_INTEGER);
const byteCount = integer(0, Number.MAX_SAFE_INTEGER);

/** What QEMU says of the guest, or that there is no QEMU. `in-doubt`: another host may run it. */
export const runState = oneOf(['stopped', 'running', 'paused', 'incoming', 'in-doubt']);
export type RunState = Shape<typeof runState>;

/** Why a VM or an operation does not go on, and what would help. */
export const waits = fields({
  /** The state an operation stays in, or what is missing otherwise: `qemu`, `bus`, `record`, `owner`, `let-go`. */
  for: text(64),
  /** The other host it is about. */
  peer: maybe(hostName),
  sinceMs: nullable(timeMs),
  attempts: integer(0, 1e9),
  nextAtMs: nullable(timeMs),
  lastFault: nullable(fault),
  /** It has tried for long, and goes on; somebody should look. */
  stuck: flag(),
  remedy: text(500),
});
export type Waits = Shape<typeof waits>;

/** A VM in a list. */
export const vmSummary = fields({
  vm: vmName,
  host: hostName,
  state: runState,
  label: nullable(label),
  epoch,
  memoryMiB: integer(0, limits.memoryMiB),
  /** What it waits for, in a word. */
  waits: maybe(text(64)),
});
export type VmSummary = Shape<typeof vmSummary>;

/** A VM in full. */
export const vmView = fields({
  vm: vmName,
  host: hostName,
  state: runState,
  label: nullable(label),
  epoch,
  spec: vmSpec,
  accelerator: nullable(accelerator),
  pid: nullable(integer(1, 2 ** 31)),
  operation: nullable(operationId),
  /** Where the guest's serial console is written on the host. */
  console: nullable(text(limits.commandLineLength)),
  waits: maybe(waits),
  /** It was taken over from a host that was fenced. */
  fence: maybe(fence),
});
export type VmView = Shape<typeof vmView>;

/** How far an operation is. All figures are absent until they are known. */
export const progress = fields({
  phase: text(64),
  transferredBytes: maybe(byteCount),
  remainingBytes: maybe(byteCount),
  totalBytes: maybe(byteCount),
  bytesPerSecond: maybe(real(0, 1e15)),
  /** What the guest writes meanwhile, to memory that then has to be sent again. */
  dirtyBytesPerSecond: maybe(real(0, 1e15)),
  /** By how much the guest is slowed down so that the transfer converges. */
  throttlePercent: maybe(real(0, 100)),
  /** For how long nothing has been sent. */
  stalledForMs: maybe(real(0, 1e9)),
  /** For how long what remains has not become less. */
  notConvergingForMs: maybe(real(0, 1e9)),
  downtimeMs: maybe(real(0, 1e9)),
  pauseMs: maybe(real(0, 1e9)),
  loadMs: maybe(real(0, 1e9)),
  verifyMs: maybe(real(0, 1e9)),
  totalMs: maybe(real(0, 1e9)),
});
export type Progress = Shape<typeof progress>;

/** Where a migration stands that waits for its turn at its source. */
export const queuePlace = fields({
  /** 1 is next. */
  position: integer(1, limits.queuedMigrations),
  length: integer(1, limits.queuedMigrations),
  priority: integer(0, 9),
  /** `turn`: this host sends as many VMs as it may. `destination`: that one takes in as many as it may. */
  waitsFor: oneOf(['turn', 'destination']),
  sinceMs: timeMs,
});
export type QueuePlace = Shape<typeof queuePlace>;

/** How an operation ended. */
export const outcome = variant('is', [
  fields({ is: literal('completed'), checkpoint: maybe(checkpointId), label: maybe(label) }),
  fields({ is: literal('refused'), decision }),
  fields({ is: literal('failed'), fault }),
  fields({ is: literal('cancelled') }),
]);
export type Outcome = Shape<typeof outcome>;

/** An operation, under way or ended. */
export const operationView = fields({
  operation: operationId,
  kind: oneOf(['start', 'migrate-source', 'migrate-destination', 'save', 'restore']),
  vm: vmName,
  state: text(64),
  client: clientName,
  startedAtMs: timeMs,
  endedAtMs: nullable(timeMs),
  /** Of a migration: how it was asked to go. */
  options: maybe(migrateOptions),
  /** Where a migration goes to, or comes from. */
  peer: maybe(hostName),
  /** A migration that is part of the draining of its host. */
  drain: maybe(flag()),
  /** Present while it waits for its turn. */
  queue: maybe(queuePlace),
  progress,
  /** Every decision taken so far on this host, and those the peer sent. */
  decisions: list(decision, 16),
  outcome: nullable(outcome),
  waits: maybe(waits),
});
export type OperationView = Shape<typeof operationView>;

/** host → client, while an operation runs and once when it ends. Lost notices are made good by asking. */
export const updateNotice = declareNotice({ name: 'update', body: operationView });

/** A checkpoint in a list. */
export const checkpointSummary = fields({
  checkpoint: checkpointId,
  vm: vmName,
  host: hostName,
  takenAtMs: timeMs,
  takenFor: clientName,
  job: maybe(text(limits.nameLength)),
  label,
  bytes: byteCount,
});
export type CheckpointSummary = Shape<typeof checkpointSummary>;

/** A checkpoint in full: its signed manifest, and whether a VM still maps its memory. */
export const checkpointView = fields({ manifest, manifestDigest: sha256Hex, inUse: flag() });
export type CheckpointView = Shape<typeof checkpointView>;
