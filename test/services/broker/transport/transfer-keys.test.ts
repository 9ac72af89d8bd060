import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOneOffKey, type Transcript } from '../../../../services/broker/transport/transfer-keys.ts';
import { operationIdOf } from '../../../support/values.ts';

const operation = operationIdOf(1);

function conversation() {
  const source = createOneOffKey();
  const destination = createOneOffKey();
  const transcript: Transcript = {
    offerDigest: new Uint8Array(32).fill(1),
    grantId: new Uint8Array(16).fill(2),
    sourceKey: source.publicKey,
    destinationKey: destination.publicKey,
  };
  return { source, destination, transcript };
}

test('both sides of a transfer derive the same key of 32 bytes', () => {
  const { source, destination, transcript } = conversation();
  const at = source.derive(operation, transcript, destination.publicKey);
  const there = destination.derive(operation, transcript, source.publicKey);
  assert.deepEqual(at, there);
  assert.equal(at.key.length, 32);
});

test('a key is of one transfer: whatever was said otherwise gives another key', () => {
  const { source, destination, transcript } = conversation();
  const key = source.derive(operation, transcript, destination.publicKey).key;
  const others = [
    source.derive(operationIdOf(2), transcript, destination.publicKey).key,
    ...(['offerDigest', 'grantId', 'sourceKey', 'destinationKey'] as const).map(
      (part) =>
        source.derive(operation, { ...transcript, [part]: new Uint8Array(32).fill(9) }, destination.publicKey).key,
    ),
    createOneOffKey().derive(operation, transcript, destination.publicKey).key,
  ];
  for (const other of others) assert.notDeepEqual(other, key);
});

test('a peer key that is no point of the curve is refused', () => {
  const { source, transcript } = conversation();
  assert.throws(() => source.derive(operation, transcript, new Uint8Array(31)));
  assert.throws(() => source.derive(operation, transcript, new Uint8Array(32)));
});
