import type { Bitmap } from '../policydb/bitmap.ts';
import { createStatements, type Statements } from './statements.ts';

/** A place in a binary policy and what is wrong there. Thrown by the readers, caught in read-binary.ts only. */
export class BinaryFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** Where reading stands in the bytes; every number is little-endian and starts at any offset. */
export interface Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly text: Buffer;
  offset: number;
  /** The 32-bit words that bitmaps may still take; see `bitmapWordsMax`. */
  wordsLeft: number;
  /** The members that listed sets may still have; see `membersMax`. */
  membersLeft: number;
  /** The other names of values, which may come before what they name. */
  readonly aliases: {
    readonly what: string;
    readonly name: string;
    readonly value: number;
    readonly names: readonly string[];
  }[];
  /** The last set of each hash of bytes, and sets by what they were before they had the size of the policy: many are alike. */
  readonly sets: Map<number, { readonly at: number; readonly end: number; readonly set: Bitmap }>;
  readonly fitted: Map<Bitmap, Bitmap>;
  /** The rules read so far. */
  readonly statements: Statements;
}

/** The words all bitmaps of a policy may have together, so that few bytes cannot ask for much memory. */
const bitmapWordsMax = 16 * 1024 * 1024;
/** The members of all listed sets together: types of attributes, sources of rules by file name. */
export const membersMax = 2_000_000;
/** The bytes a name may have, as in a source. */
const nameBytesMax = 8191;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function createReader(bytes: Uint8Array): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const statements = createStatements();
  const budgets = { wordsLeft: bitmapWordsMax, membersLeft: membersMax };
  return { bytes, view, text, offset: 0, ...budgets, sets: new Map(), fitted: new Map(), aliases: [], statements };
}

/** Stops reading: what is wrong is at `offset`, or where reading stands. */
export function fault(reader: Reader, message: string, offset = reader.offset): never {
  throw new BinaryFault(offset, message);
}

/** Moves past `count` bytes and answers where they start. */
function take(reader: Reader, count: number): number {
  const at = reader.offset;
  const left = reader.bytes.length - at;
  if (count > left) fault(reader, `the policy ends here, where ${count} more bytes must stand`);
  reader.offset = at + count;
  return at;
}

export function readU8(reader: Reader): number {
  return reader.bytes[take(reader, 1)] ?? 0;
}

export function readU16(reader: Reader): number {
  return reader.view.getUint16(take(reader, 2), true);
}

export function readU32(reader: Reader): number {
  return reader.view.getUint32(take(reader, 4), true);
}

/** A number of things that follow, `bytesEach` bytes at least; refused when they cannot all be there. */
export function readCount(reader: Reader, what: string, bytesEach: number, max = 0xffff_ffff): number {
  const at = reader.offset;
  const count = readU32(reader);
  if (count > max) fault(reader, `${count} ${what}, more than ${max}`, at);
  if (count * bytesEach > reader.bytes.length - reader.offset) {
    fault(reader, `${count} ${what} do not fit the bytes that follow`, at);
  }
  return count;
}

/** `length` bytes of UTF-8 without control characters. */
export function readText(reader: Reader, what: string, length: number): string {
  const at = reader.offset;
  if (length === 0 || length > nameBytesMax) fault(reader, `${what} of ${length} bytes`, at);
  const bytes = reader.bytes.subarray(take(reader, length), reader.offset);
  try {
    const text = utf8.decode(bytes);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    if (!/[\u0000-\u001f\u007f]/.test(text)) return text;
  } catch {
    fault(reader, `${what} that is not UTF-8`, at);
  }
  return fault(reader, `${what} with a control character`, at);
}

/** A name: printable ASCII without what separates the parts of a context. */
export function readName(reader: Reader, what: string, length: number): string {
  const at = reader.offset;
  if (length === 0 || length > nameBytesMax) fault(reader, `${what} of ${length} bytes`, at);
  const start = take(reader, length);
  const name = reader.text.toString('latin1', start, start + length);
  return /^[!-9;-~]+$/.test(name) ? name : fault(reader, `${what} that cannot stand in a context`, at);
}
