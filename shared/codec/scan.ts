import { isUtf8 } from 'node:buffer';

/** No message of ours nests deeper than this. */
export const depthMax = 32;

/** Where a scan stands: the bytes, and the next one to read. */
interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/**
 * Walks over bytes that claim to be one MessagePack value and throws a RangeError that says what is wrong with them.
 *
 * It lets through nil, booleans, finite doubles, integers of at most 32 bits, well-formed UTF-8 text, binary, arrays, and maps
 * whose keys are text, all different, and none of them `__proto__`. It refuses extension types (dates, errors, record
 * definitions), 64-bit integers, 32-bit floats, nesting deeper than `depthMax`, lengths beyond the end and bytes left
 * over. Nothing is allocated for what a header promises: every element takes at least a byte that must be there.
 *
 * Source of the format: the MessagePack specification, https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export function scan(bytes: Buffer): void {
  const cursor: Cursor = { bytes, at: 0 };
  scanValue(cursor, 0);
  if (cursor.at !== bytes.length) throw new RangeError('bytes are left over after the value');
}

function scanValue(cursor: Cursor, depth: number): void {
  if (depth > depthMax) throw new RangeError(`values are nested deeper than ${depthMax}`);
  const head = take(cursor, 1);
  if (head <= 0x7f || head >= 0xe0) return; // small integers
  if (head <= 0x8f) scanMap(cursor, head & 0x0f, depth);
  else if (head <= 0x9f) scanArray(cursor, head & 0x0f, depth);
  else if (head <= 0xbf) scanText(cursor, head & 0x1f);
  else scanLong(cursor, head, depth);
}

/** A value whose first byte says its type alone. */
function scanLong(cursor: Cursor, head: number, depth: number): void {
  switch (head) {
    case 0xc0: // nil
    case 0xc2: // false
    case 0xc3: // true
      break;
    case 0xc4: // binary
    case 0xc5:
    case 0xc6:
      skip(cursor, take(cursor, lengthSize(head, 0xc4)));
      break;
    case 0xcb: // double
      skip(cursor, 8);
      if (!Number.isFinite(cursor.bytes.readDoubleBE(cursor.at - 8))) throw new RangeError('a number is not finite');
      break;
    case 0xcc: // unsigned integer
    case 0xcd:
    case 0xce:
      skip(cursor, lengthSize(head, 0xcc));
      break;
    case 0xd0: // signed integer
    case 0xd1:
    case 0xd2:
      skip(cursor, lengthSize(head, 0xd0));
      break;
    case 0xd9: // text
    case 0xda:
    case 0xdb:
      scanText(cursor, take(cursor, lengthSize(head, 0xd9)));
      break;
    case 0xdc: // array
    case 0xdd:
      scanArray(cursor, take(cursor, head === 0xdc ? 2 : 4), depth);
      break;
    case 0xde: // map
    case 0xdf:
      scanMap(cursor, take(cursor, head === 0xde ? 2 : 4), depth);
      break;
    default:
      throw new RangeError(`type 0x${head.toString(16)} is not used here`);
  }
}

function scanArray(cursor: Cursor, count: number, depth: number): void {
  for (let i = 0; i < count; i++) scanValue(cursor, depth + 1);
}

function scanMap(cursor: Cursor, count: number, depth: number): void {
  const keys = new Set<string>();
  for (let i = 0; i < count; i++) {
    const key = scanKey(cursor);
    if (key === '__proto__') throw new RangeError('a key is `__proto__`');
    if (keys.has(key)) throw new RangeError('a key occurs twice in a map');
    keys.add(key);
    scanValue(cursor, depth + 1);
  }
}

function scanKey(cursor: Cursor): string {
  const head = take(cursor, 1);
  let length: number;
  if (head >= 0xa0 && head <= 0xbf) length = head & 0x1f;
  else if (head >= 0xd9 && head <= 0xdb) length = take(cursor, lengthSize(head, 0xd9));
  else throw new RangeError('a key is not text');
  const start = cursor.at;
  scanText(cursor, length);
  return cursor.bytes.toString('utf8', start, cursor.at);
}

function scanText(cursor: Cursor, length: number): void {
  const start = cursor.at;
  skip(cursor, length);
  if (!isUtf8(cursor.bytes.subarray(start, cursor.at))) throw new RangeError('text is not UTF-8');
}

/** The size of a length or number: types come in runs of one, two and four bytes. */
const lengthSize = (head: number, first: number): 1 | 2 | 4 => (head === first ? 1 : head === first + 1 ? 2 : 4);

function take(cursor: Cursor, size: 1 | 2 | 4): number {
  const start = cursor.at;
  skip(cursor, size);
  return cursor.bytes.readUIntBE(start, size);
}

function skip(cursor: Cursor, length: number): void {
  if (length > cursor.bytes.length - cursor.at) throw new RangeError('the bytes end early');
  cursor.at += length;
}
