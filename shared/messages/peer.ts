import type { Fault } from '../errors/broker-error.ts';
import { checkpointId, operationId, vmName } from '../ids.ts';
import { limits } from '../limits.ts';
import { bytes, fields, flag, integer, literal, maybe, oneOf, pattern, type Shape, variant } from '../schema/schema.ts';
import { carnet } from '../vm/carnet.ts';
import { decision } from '../vm/decision.ts';
import { declareExchange } from './exchange.ts';
import { fault } from './fault.ts';
import { migrateOptions } from './migrate-options.ts';

/** An X25519 public key, raw. */
const publicKey = bytes(32, 32);

const refusal = fields({ is: literal('refusal'), decision });
const failure = fields({ is: literal('failure'), fault });
const ofFault = (fault: Fault) => ({ is: 'failure', fault }) as const;

/** source → destination: may this VM come? */
export const offer = fields({
  operation: operationId,
  carnet,
  options: migrateOptions,
  /** The client's signed request, as the client sent it. */
  request: bytes(limits.frameBytes),
  transferKey: publicKey,
  /** The source's newest checkpoint of the VM, checked from end to end: there where post-copy may be begun, and only there. */
  checkpoint: maybe(checkpointId),
});
export type Offer = Shape<typeof offer>;

/** destination → source: a single-use permission that expires, and where to send the memory. */
export const grant = fields({
  is: literal('grant'),
  grantId: bytes(16, 16),
  decision,
  address: pattern(/^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f:]{2,45})$/, 45, 'an IP address'),
  port: integer(1024, 65535),
  transferKey: publicKey,
  expiresAtMs: integer(0, Number.MAX_SAFE_INTEGER),
});
export type Grant = Shape<typeof grant>;

export const offerExchange = declareExchange({
  name: 'offer',
  ask: offer,
  answer: variant('is', [grant, refusal, failure]),
  timeoutMs: 30_000,
  ofFault,
});

/** source → destination: would this VM be taken? Nothing is kept. */
export const explainExchange = declareExchange({
  name: 'explain-offer',
  ask: fields({ carnet, request: bytes(limits.frameBytes) }),
  answer: variant('is', [fields({ is: literal('decided'), decision }), failure]),
  timeoutMs: 10_000,
  ofFault,
});

/** source → destination at pre-switchover, the guest paused: is it still yes? */
export const switchoverExchange = declareExchange({
  name: 'switchover',
  /** `postcopy`: the rest is to be pulled, and the source can never run the guest again once it has heard a yes. */
  ask: fields({ operation: operationId, grantId: bytes(16, 16), postcopy: maybe(flag()) }),
  answer: variant('is', [fields({ is: literal('go'), decision }), refusal, failure]),
  timeoutMs: 10_000,
  ofFault,
});

/**
 * source → destination after its QEMU reported completed, or has sent everything but memory: the VM is yours from this epoch
 * on.
 */
export const handoverExchange = declareExchange({
  name: 'handover',
  ask: fields({
    operation: operationId,
    grantId: bytes(16, 16),
    vm: vmName,
    epoch: integer(1, Number.MAX_SAFE_INTEGER),
    /** Of a post-copy: the QEMU of the source is gone, and so is what was not pulled from it. */
    gone: maybe(flag()),
  }),
  answer: variant('is', [
    /** The owner record was moved and the VM runs. */
    fields({ is: literal('running'), decision }),
    /** The same, and some of its memory is still at the source. */
    fields({ is: literal('pulling'), decision }),
    /** It ran, and what was still to be pulled of its memory is lost. */
    fields({ is: literal('lost'), fault }),
    /** Policy said no at the last moment, so the destination gave it up: it has not moved the record, and its copy is gone. */
    refusal,
    /** The same, because of a fault. */
    fields({ is: literal('released'), fault }),
    failure,
  ]),
  timeoutMs: 15_000,
  ofFault,
});

/** host → the owner its record names, of a VM that is stopped there: may it be had here, where it is to be restored? */
export const letGoExchange = declareExchange({
  name: 'let-go',
  ask: fields({ vm: vmName }),
  answer: variant('is', [
    /** It is kept for whoever asked, and not started here any more. With the epoch it was in. */
    fields({ is: literal('let-go'), epoch: integer(0, Number.MAX_SAFE_INTEGER) }),
    failure,
  ]),
  timeoutMs: 10_000,
  ofFault,
});

/**
 * host → every other one, before a VM is taken over from a host that is off for good: has any of them got it? With the
 * newest epoch that whoever asks knows of.
 */
export const whoHasExchange = declareExchange({
  name: 'who-has',
  ask: fields({ vm: vmName, epoch: integer(0, Number.MAX_SAFE_INTEGER) }),
  answer: variant('is', [
    fields({ is: literal('has'), why: oneOf(['qemu', 'operation', 'journal']) }),
    /** With the newest epoch that this host knows of; 0 where it never had the VM. */
    fields({ is: literal('has-not'), epoch: integer(0, Number.MAX_SAFE_INTEGER) }),
    failure,
  ]),
  timeoutMs: 4_000,
  ofFault,
});

/** source → destination, when the answer to a handover was lost, or to call a transfer off. */
export const releaseExchange = declareExchange({
  name: 'release',
  /** With the VM and the epoch it would have at the destination, for one that no longer remembers the operation. */
  ask: fields({ operation: operationId, vm: vmName, epoch: integer(1, Number.MAX_SAFE_INTEGER) }),
  answer: variant('is', [fields({ is: literal('released') }), fields({ is: literal('running') }), failure]),
  timeoutMs: 10_000,
  ofFault,
});
