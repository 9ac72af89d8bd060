import { createHash } from 'node:crypto';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { HostName, VmName } from '../../../shared/ids.ts';
import type { OwnerRecord } from '../../../shared/messages/record.ts';
import type { Recovery } from '../../../shared/messages/recovery.ts';
import type { VmEntry } from '../vms/vms.ts';

/*
 * A host that has died for good answers no question and lets nothing go. An operator's word that it is off for good stands
 * for its own then. What that word allows is planned here, and nothing is done.
 */

/** What this host knows of a VM it may take over. */
export interface RecoveryFacts {
  readonly vm: VmName;
  readonly host: HostName;
  readonly decidesAlone: boolean;
  readonly record: OwnerRecord | undefined;
  readonly entry: Pick<VmEntry, 'promisedTo'> | undefined;
  /** The newest epoch this host knows of, and the others it has asked. */
  readonly knownEpoch: number;
  /** The handover that this host has signed and has no answer to. */
  readonly doubt: { readonly destination: HostName; readonly epoch: number } | undefined;
  /** Whether this host has a QEMU of it. */
  readonly runsHere: boolean;
  /** Whether a definition of it is here, its own or a checkpoint's. */
  readonly defined: boolean;
}

/**
 * A bucket that forgets may have forgotten epochs the dead host was in; were it to come back after all, it must find a newer
 * one. This many are left out.
 */
const epochsForgottenMax = 1000;

/**
 * More that are left out there, by host: should two hosts recover a VM of which the bucket has forgotten that the other did,
 * they are not in the same epoch.
 */
const epochsOf = (host: HostName): number => createHash('sha256').update(host).digest().readUInt32BE() & 0xfffff;

/**
 * How the VM is taken over. `memory` is what the operator said about the memory of a guest in doubt; otherwise it goes on
 * from it where nothing says that the destination ran it. VM_STATE where there is nothing to recover, VM_UNKNOWN where
 * nothing of it is here, OWNER_CONFLICT where it runs here or is a third host's.
 */
export function planRecovery(
  facts: RecoveryFacts,
  memory: 'keep' | 'drop' | undefined,
): Omit<Recovery, 'heard' | 'silent'> {
  const { vm, host, record, decidesAlone } = facts;
  const { about, fenced } = fencedIn(facts);
  const newest = newestKnown(facts);
  const evident = record?.owner === fenced ? 'drop' : 'keep';
  const chosen = about === 'handover' ? (memory ?? evident) : 'none';
  return {
    vm,
    host,
    fenced,
    about,
    epoch: newest + (decidesAlone ? 1 : epochsForgottenMax + epochsOf(host)),
    memory: chosen,
    risks: risksOf(vm, fenced, chosen, decidesAlone),
    afterwards:
      chosen === 'keep'
        ? `${vm} runs on ${host} again, from the memory that is still there`
        : `${vm} is a stopped VM of ${host}: start it from its disks, or restore a checkpoint of it`,
  };
}

/** The newest epoch the VM may have come to, as far as is known here. */
export const newestKnown = ({
  record,
  knownEpoch,
  doubt,
}: Pick<RecoveryFacts, 'record' | 'knownEpoch' | 'doubt'>): number =>
  Math.max(record?.epoch ?? 0, knownEpoch, doubt === undefined ? 0 : doubt.epoch + 1);

function fencedIn(facts: RecoveryFacts): Pick<Recovery, 'about' | 'fenced'> {
  const { vm, host, record, entry, doubt, runsHere, defined } = facts;
  if (doubt !== undefined) {
    const { destination } = doubt;
    if (record === undefined || record.owner === host || record.owner === destination)
      return { about: 'handover', fenced: destination };
    throw new BrokerError('OWNER_CONFLICT', `${vm} was handed over to ${destination}, and is ${record.owner}'s now`);
  }
  if (runsHere) throw new BrokerError('OWNER_CONFLICT', `${host} has a QEMU of ${vm}`, { hint: 'stop it first' });
  if (record !== undefined && record.owner !== host) {
    if (defined) return { about: 'owner', fenced: record.owner };
    throw new BrokerError('VM_UNKNOWN', `${host} has neither a definition nor a checkpoint of ${vm}`, {
      hint: 'recover it on a host that has one',
    });
  }
  if (entry?.promisedTo !== undefined) return { about: 'let-go', fenced: entry.promisedTo };
  throw new BrokerError('VM_STATE', `nothing of ${vm} is to be recovered: it is ${host}'s`);
}

function risksOf(vm: VmName, fenced: HostName, memory: Recovery['memory'], decidesAlone: boolean): string[] {
  return [
    `${fenced} must be off for good, or cut off from the disks of ${vm}: if the guest still runs there, two guests write to one disk and destroy what is on it`,
    memory === 'keep'
      ? `if the guest ran on ${fenced} for only a moment, its disks have gone on and are newer than its memory here: then say --memory drop`
      : `what ${vm} had in memory is lost, as if it had been switched off`,
    ...(decidesAlone
      ? []
      : [
          `the owner records have no three copies: should the bus forget this word, ${fenced} must stay away until it is told again, half a minute at most`,
        ]),
  ];
}
