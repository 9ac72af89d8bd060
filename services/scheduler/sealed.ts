import { BrokerError } from '../../shared/errors/broker-error.ts';
import { openRecord, type RecordName, sealRecord } from '../../shared/messages/record-seal.ts';
import type { Identity } from '../../shared/pki/identity.ts';
import { samePrincipal } from '../../shared/pki/principal.ts';
import type { Trust } from '../../shared/pki/trust.ts';
import type { Schema } from '../../shared/schema/schema.ts';
import type { Clock } from '../../shared/time/clock.ts';

/*
 * A job's record says for whom the scheduler acts, and the bus is not trusted to keep it unchanged: whoever could write
 * into the bucket could have anything done in anyone's name. So a scheduler signs what it keeps there, and takes nothing
 * else back.
 */

/** Seals what a scheduler keeps on the bus, and opens what a scheduler of the same name has sealed. */
export interface RecordSeal {
  seal(name: RecordName, value: unknown): Uint8Array;
  /** MESSAGE_FORGED for what was not sealed under this name by such a scheduler, MESSAGE_MALFORMED for what has another form. */
  open<T>(name: RecordName, sealed: Uint8Array, form: Schema<T>): T;
}

export const createRecordSeal = (identity: Identity, trust: Trust, clock: Clock): RecordSeal => ({
  seal: (name, value) => sealRecord(identity, name, value, clock.nowMs()),
  open(name, sealed, form) {
    const { body, writer } = openRecord(sealed, name, form, trust);
    if (!samePrincipal(writer, identity)) {
      throw new BrokerError('MESSAGE_FORGED', `the record ${name} was not written by a scheduler of this fleet`);
    }
    return body;
  },
});
