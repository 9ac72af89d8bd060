import type { OneOffKey } from '../../services/broker/transport/transfer-keys.ts';
import { BrokerError } from '../../shared/errors/broker-error.ts';

/**
 * One-off keys without their arithmetic. What matters of them is kept: both sides derive the same key only from each
 * other's keys and the same transcript, and the private half is known to its maker alone.
 */
export function createKeyMaker(): () => OneOffKey {
  let made = 0;
  return () => {
    const publicKey = new Uint8Array(32);
    const own = ++made;
    new DataView(publicKey.buffer).setUint32(0, own);
    return {
      publicKey,
      derive(operation, { offerDigest, grantId, sourceKey, destinationKey }, peerKey) {
        const peer = numberOf(peerKey);
        const pair = [numberOf(sourceKey), numberOf(destinationKey)];
        if (!pair.includes(own) || !pair.includes(peer))
          throw new BrokerError('MESSAGE_FORGED', 'a key of another transfer');
        const key = new Uint8Array(32);
        const view = new DataView(key.buffer);
        for (const [at, part] of [...pair, numberOf(offerDigest), numberOf(grantId)].entries())
          view.setUint32(at * 4, part);
        return { identity: operation, key };
      },
    };
  };
}

const numberOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
