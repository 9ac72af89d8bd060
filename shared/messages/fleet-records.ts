import type { BucketEntry } from '../bus/bus.ts';
import { BrokerError } from '../errors/broker-error.ts';
import type { HostName, VmName } from '../ids.ts';
import { describePrincipal } from '../pki/principal.ts';
import type { Trust } from '../pki/trust.ts';
import { type HostRecord, hostRecord, type OwnerRecord, ownerRecord } from './record.ts';
import { openRecord } from './record-seal.ts';

/*
 * What a fleet knows of its VMs and hosts. A host speaks for itself alone: only the new owner writes a record that names it
 * as owner, and only a host says what it is.
 */

/** The owner record of a VM as the bucket holds it. MESSAGE_FORGED where another than the owner it names has written it. */
export function openOwnerRecord(vm: VmName, { value }: BucketEntry, trust: Trust): OwnerRecord {
  const { body, writer } = openRecord<OwnerRecord>(value, `owner/${vm}`, ownerRecord, trust);
  if (body.vm !== vm || writer.role !== 'host' || writer.name !== body.owner) {
    throw new BrokerError(
      'MESSAGE_FORGED',
      `the owner record of ${vm} was written by ${describePrincipal(writer)} for ${body.owner}`,
    );
  }
  return body;
}

/** The record of a host as the bucket holds it. MESSAGE_FORGED where another has written it. */
export function openHostRecord(host: HostName, { value }: BucketEntry, trust: Trust): HostRecord {
  const { body, writer } = openRecord<HostRecord>(value, `host/${host}`, hostRecord, trust);
  if (body.host !== host || writer.role !== 'host' || writer.name !== host) {
    throw new BrokerError('MESSAGE_FORGED', `the record of host ${host} was written by ${describePrincipal(writer)}`);
  }
  return body;
}
