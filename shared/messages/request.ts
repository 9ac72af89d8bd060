import { checkpointId, clientName, hostName, operationId, vmName } from '../ids.ts';
import { limits } from '../limits.ts';
import {
  defaultsTo,
  fields,
  flag,
  integer,
  list,
  literal,
  maybe,
  oneOf,
  type Shape,
  text,
  variant,
} from '../schema/schema.ts';
import { decision } from '../vm/decision.ts';
import { vmSpec } from '../vm/spec.ts';
import { declareExchange } from './exchange.ts';
import { fault } from './fault.ts';
import { migrateOptions } from './migrate-options.ts';
import { memoryChoice, recovery } from './recovery.ts';
import { checkpointSummary, checkpointView, operationView, vmSummary, vmView } from './view.ts';

/** How urgent a migration is: a higher one has its turn first. */
export const priority = integer(0, 9);
export const priorityDefault = 5;

const verb = {
  define: fields({ verb: literal('define'), spec: vmSpec }),
  delete: fields({ verb: literal('delete'), vm: vmName }),
  start: fields({ verb: literal('start'), vm: vmName }),
  /** `force` ends QEMU at once; otherwise the guest is asked to power down first. */
  stop: fields({ verb: literal('stop'), vm: vmName, force: defaultsTo(flag(), false) }),
  suspend: fields({ verb: literal('suspend'), vm: vmName }),
  resume: fields({ verb: literal('resume'), vm: vmName }),
  migrate: fields({
    verb: literal('migrate'),
    vm: vmName,
    destination: hostName,
    options: defaultsTo(migrateOptions, {}),
    /** `priorityDefault` where it is absent. */
    priority: maybe(priority),
    /**
     * How long it may wait for its turn, in ms: the destination takes the request for so much longer.
     * `limits.queueMsDefault` where it is absent.
     */
    queueMsMax: maybe(integer(0, limits.queueMsMax)),
    /** It is part of the draining of its host. */
    drain: maybe(flag()),
  }),
  save: fields({ verb: literal('save'), vm: vmName, job: maybe(text(limits.nameLength)) }),
  restore: fields({ verb: literal('restore'), checkpoint: checkpointId }),
  /**
   * Takes the VM over from a host that has died for good. `fenced` is the word that this host is off for good; without it
   * nothing is done but told. `alsoFenced` are others that do not say whether they have it, and are off as well.
   */
  recover: fields({
    verb: literal('recover'),
    vm: vmName,
    fenced: maybe(hostName),
    alsoFenced: maybe(list(hostName, limits.hosts)),
    memory: maybe(memoryChoice),
  }),
  'checkpoint-remove': fields({ verb: literal('checkpoint-remove'), checkpoint: checkpointId }),
  /** The host takes no VM in any more, and starts and restores none, until it is undrained. */
  drain: fields({ verb: literal('drain') }),
  undrain: fields({ verb: literal('undrain') }),
} as const;

/** Gives an operation up, where it can still be given up. */
const cancel = fields({ verb: literal('cancel'), operation: operationId });
/**
 * Pauses the guest of a migration while its memory is sent, so that the rest is sent in one go; with `postcopy` it runs at
 * the destination, and the rest follows.
 */
const force = fields({ verb: literal('force'), operation: operationId, postcopy: maybe(flag()) });

/** Everything that changes something. Each can also be asked about without doing it, with `explain`. */
export const action = variant('verb', [
  verb.define,
  verb.delete,
  verb.start,
  verb.stop,
  verb.suspend,
  verb.resume,
  verb.migrate,
  verb.save,
  verb.restore,
  verb.recover,
  verb['checkpoint-remove'],
  verb.drain,
  verb.undrain,
]);
export type Action = Shape<typeof action>;
export type ActionOf<V extends Action['verb']> = Extract<Action, { verb: V }>;

const query = {
  list: fields({ verb: literal('list') }),
  show: fields({ verb: literal('show'), vm: vmName }),
  operation: fields({ verb: literal('operation'), operation: operationId }),
  operations: fields({ verb: literal('operations') }),
  'checkpoint-list': fields({ verb: literal('checkpoint-list'), vm: maybe(vmName) }),
  'checkpoint-show': fields({ verb: literal('checkpoint-show'), checkpoint: checkpointId }),
  'checkpoint-verify': fields({ verb: literal('checkpoint-verify'), checkpoint: checkpointId }),
  explain: fields({ verb: literal('explain'), action }),
  host: fields({ verb: literal('host') }),
} as const;

/** What a client may ask of a host. The signed frame around it says who asks, and until when it may be acted on. */
export const request = variant('verb', [
  ...action.options,
  cancel,
  force,
  query.list,
  query.show,
  query.operation,
  query.operations,
  query['checkpoint-list'],
  query['checkpoint-show'],
  query['checkpoint-verify'],
  query.explain,
  query.host,
]);
export type Request = Shape<typeof request>;

/** For whom a host is being drained, and since when. */
export const drainMark = fields({ by: clientName, sinceMs: integer(0, Number.MAX_SAFE_INTEGER) });
export type DrainMark = Shape<typeof drainMark>;

const count = integer(0, limits.listEntries);

/** What the host knows of itself. */
export const hostView = fields({
  host: hostName,
  context: text(limits.labelBytes),
  policyDigest: text(64),
  policySeqno: integer(0, Number.MAX_SAFE_INTEGER),
  enforcing: flag(),
  /** False where no SELinux runs: the label of a VM is then held by decisions alone. */
  confined: flag(),
  accelerators: list(oneOf(['tcg', 'kvm']), 2),
  qemuVersion: text(64),
  /** Present while it takes nothing in. */
  draining: maybe(drainMark),
  freeMemoryMiB: maybe(integer(0, Number.MAX_SAFE_INTEGER)),
  migrations: maybe(fields({ outbound: count, outboundMax: count, inbound: count, inboundMax: count, waiting: count })),
});
export type HostView = Shape<typeof hostView>;

export const answer = variant('is', [
  /** The operation was journalled; `update` notices and the `operation` query follow it. */
  fields({ is: literal('accepted'), operation: operationId }),
  fields({ is: literal('done'), decision: maybe(decision) }),
  fields({ is: literal('refused'), decision }),
  fields({ is: literal('failed'), fault }),
  fields({ is: literal('vms'), vms: list(vmSummary, limits.listEntries) }),
  fields({ is: literal('vm'), vm: vmView }),
  fields({ is: literal('operation'), operation: operationView }),
  fields({ is: literal('operations'), operations: list(operationView, limits.listEntries) }),
  fields({ is: literal('checkpoints'), checkpoints: list(checkpointSummary, limits.listEntries) }),
  fields({ is: literal('checkpoint'), checkpoint: checkpointView }),
  fields({
    is: literal('verified'),
    checkpoint: checkpointId,
    bytes: integer(0, Number.MAX_SAFE_INTEGER),
    ms: integer(0, 1e9),
  }),
  /** One decision per host that was asked: the deciding host first, then the destination for a migration. */
  fields({ is: literal('explained'), decisions: list(decision, 8) }),
  fields({ is: literal('host'), host: hostView }),
  fields({ is: literal('recovery'), recovery, decision, done: flag() }),
]);
export type Answer = Shape<typeof answer>;

/** client → host. Signed by the client; a migration's offer carries the whole frame on to the destination. */
export const requestExchange = declareExchange({
  name: 'request',
  ask: request,
  answer,
  timeoutMs: 15_000,
  ofFault: (fault) => ({ is: 'failed', fault }) as const,
});
