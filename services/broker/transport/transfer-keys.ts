import { createHash, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto';
import type { OperationId } from '../../../shared/ids.ts';
import type { TransferKey } from '../runtime/ports.ts';

/** What both sides of a transfer have seen, signed: it goes into the key, so another conversation gives another key. */
export interface Transcript {
  /** SHA-256 of the offer's frame, as it was sent. */
  readonly offerDigest: Uint8Array;
  readonly grantId: Uint8Array;
  readonly sourceKey: Uint8Array;
  readonly destinationKey: Uint8Array;
}

/** A one-off X25519 key pair. The private half stays in this process's memory and is never stored. */
export interface OneOffKey {
  readonly publicKey: Uint8Array;
  /** The pre-shared key both sides derive; 32 bytes. */
  derive(operation: OperationId, transcript: Transcript, peerKey: Uint8Array): TransferKey;
}

// The fixed prefix of an X25519 SubjectPublicKeyInfo, RFC 8410; the raw key follows.
const spkiPrefix = Buffer.from('302a300506032b656e032100', 'hex');

/** Makes the key pair of one transfer. */
export function createOneOffKey(): OneOffKey {
  const pair = generateKeyPairSync('x25519');
  const publicKey = rawOf(pair.publicKey);
  return {
    publicKey,
    derive(operation, transcript, peerKey) {
      const shared = diffieHellman({ privateKey: pair.privateKey, publicKey: publicKeyFrom(peerKey) });
      const salt = createHash('sha256')
        .update(transcript.offerDigest)
        .update(transcript.grantId)
        .update(transcript.sourceKey)
        .update(transcript.destinationKey)
        .digest();
      const key = new Uint8Array(hkdfSync('sha256', shared, salt, `carnet/1 transfer ${operation}`, 32));
      return { identity: operation, key };
    },
  };
}

const rawOf = (key: KeyObject): Uint8Array =>
  new Uint8Array(key.export({ type: 'spki', format: 'der' }).subarray(spkiPrefix.length));

function publicKeyFrom(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), type: 'spki', format: 'der' });
}
