import { Packr } from 'msgpackr';
import { BrokerError } from '../errors/broker-error.ts';
import { depthMax, scan } from './scan.ts';

/*
 * The one encoding of messages and stored values: MessagePack of plain data. The options keep msgpackr to that: no record
 * structures, no extension types, the shortest map headers, and bytes that are copies and not windows into a larger buffer.
 */
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  mapsAsObjects: true,
  copyBuffers: true,
  moreTypes: false,
  structuredClone: false,
  int64AsType: 'number',
});

/**
 * Encodes plain data: null, booleans, finite numbers, well-formed text, Uint8Array, arrays and plain objects, nested at
 * most 32 deep. Object keys keep their order, so that equal values built the same way have equal bytes; nothing relies on
 * it, as signatures are over received bytes. Throws a TypeError for anything else: that is an error in Carnet itself.
 */
export function encode(value: unknown): Buffer {
  requirePlain(value, 0);
  return Buffer.from(packr.pack(value));
}

/**
 * Decodes bytes from outside. Throws MESSAGE_MALFORMED for more than `bytesMax` bytes and for everything `scan` refuses.
 * Objects have the ordinary prototype and no key `__proto__`; bytes are copies.
 */
export function decode(bytes: Uint8Array, bytesMax: number): unknown {
  if (bytes.length > bytesMax) throw malformed(`it has ${bytes.length} bytes, at most ${bytesMax} are taken`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    scan(buffer);
    return packr.unpack(buffer);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : String(error));
  }
}

const malformed = (why: string) => new BrokerError('MESSAGE_MALFORMED', `a message is not well formed: ${why}`);

function requirePlain(value: unknown, depth: number): void {
  if (depth > depthMax) throw new TypeError(`values nested deeper than ${depthMax} are not encoded`);
  switch (typeof value) {
    case 'boolean':
      return;
    case 'string':
      if (!value.isWellFormed()) throw new TypeError('text with a lone surrogate is not encoded');
      return;
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`the number ${value} is not encoded`);
      return;
    case 'object':
      break;
    default:
      throw new TypeError(`a ${typeof value} is not encoded`);
  }
  if (value === null || value instanceof Uint8Array) return;
  if (Array.isArray(value)) {
    for (const item of value) requirePlain(item, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('only plain objects are encoded');
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__' || !key.isWellFormed())
      throw new TypeError('a key that cannot be read again is not encoded');
    if (item === undefined) throw new TypeError(`the field ${key} is present and undefined`);
    requirePlain(item, depth + 1);
  }
}
