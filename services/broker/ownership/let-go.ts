import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { HostName, VmName } from '../../../shared/ids.ts';
import type { World } from '../effects/world.ts';
import type { Runner } from '../runtime/runner.ts';

/*
 * A stopped VM may be restored on another host than its owner's. Where the bucket keeps fewer than three copies, a record
 * that says it is stopped may be an old one that came back, so the owner itself is asked, and promises not to start it.
 */

/** Who let a VM go, and the epoch it was in there. */
export interface LetGo {
  readonly owner: HostName;
  readonly epoch: number;
}

/**
 * Asks the owner that the record names, where its word is needed; undefined where it is not. OWNER_IN_DOUBT where it does
 * not answer; what it answers instead of letting go is thrown as it is.
 */
export async function askToLetGo({ ownership, peers, host }: World, vm: VmName): Promise<LetGo | undefined> {
  const record = (await ownership.read(vm))?.record;
  if (ownership.decidesAlone || record === undefined || record.owner === host || record.running) return undefined;
  const { owner } = record;
  const answer = await peers.letGo(owner, { vm }).catch((cause: unknown) => {
    const { code, message } = faultOf(cause);
    throw new BrokerError('OWNER_IN_DOUBT', `${owner} has ${vm} and cannot be asked for it: ${message} [${code}]`, {
      hint: `wait for ${owner}, or keep the owner records on three servers`,
      cause,
    });
  });
  if (answer.is === 'failure') throw new BrokerError(answer.fault.code, answer.fault.message, answer.fault);
  return { owner, epoch: answer.epoch };
}

/**
 * Lets a stopped VM go to another host. Asked again by the same host it answers the same. VM_UNKNOWN where it is not this
 * host's (any more), OWNER_CONFLICT where it runs, OWNER_IN_DOUBT where it was promised to another, VM_BUSY.
 */
export async function letGo({ vms, host }: World, runner: Runner, vm: VmName, to: HostName): Promise<number> {
  const release = runner.hold(vm);
  try {
    const entry = vms.need(vm);
    if (vms.process(vm) !== undefined)
      throw new BrokerError('OWNER_CONFLICT', `${vm} runs on ${host}`, { hint: 'stop it there first' });
    if (entry.promisedTo !== to) {
      mustNotBePromised(entry);
      await vms.put({ ...entry, promisedTo: to });
    }
    return entry.epoch;
  } finally {
    release();
  }
}

/** OWNER_IN_DOUBT for a VM that was let go: it may run where it was let go to. */
export function mustNotBePromised(entry: { readonly promisedTo?: HostName } | undefined): void {
  if (entry?.promisedTo === undefined) return;
  throw new BrokerError('OWNER_IN_DOUBT', `it was let go to ${entry.promisedTo}, to be restored there`, {
    hint: `restore it on ${entry.promisedTo}`,
  });
}
