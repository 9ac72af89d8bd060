import { createHash } from 'node:crypto';
import { type Packed, unpack } from './pack.ts';

/*
 * A compiled form, every number little-endian:
 *
 *   0  8 bytes   `CARNETPC`
 *   8  u32       version of this layout
 *  12  u32 × 4   bytes of the first part's tree and columns, and of the second part's
 *  28  u32       0
 *  32  32 bytes  SHA-256 of the policy source it was made from
 *  64  32 bytes  SHA-256 of the code that made it
 *  96  32 bytes  SHA-256 of the second part
 * 128  32 bytes  SHA-256 of everything before, and of the first part
 * 160            the first part: a tree, zeros up to a multiple of 8, its columns
 *                the second part likewise
 *
 * The first part answers questions. The second is needed when an answer is explained, and read no sooner.
 */
const MAGIC = 'CARNETPC';
const formVersion = 1;
const alignment = 8;
const digestAt = { source: 32, engine: 64, second: 96, first: 128 } as const;

export const headerBytes = 160;
/** The bytes a compiled form may have. Debian's has nine million. */
export const formBytesMax = 1024 * 1024 * 1024;

/** A form in memory: the header with the first part, and the second part. In a file they follow each other. */
export interface Form {
  readonly first: Uint8Array<ArrayBuffer>;
  readonly second: Uint8Array<ArrayBuffer>;
}

/** What a form must have been made from and by, as SHA-256 in lower-case hex. */
export interface FormKey {
  readonly sourceDigest: string;
  readonly engineDigest: string;
}

/** Puts two packed values into a form. */
export function writeForm(answers: Packed, explanations: Packed, key: FormKey): Form {
  const first = writePart(answers, headerBytes);
  const second = writePart(explanations, 0);
  if (first.length + second.length > formBytesMax) throw new RangeError('the compiled policy is too large');
  const view = new DataView(first.buffer);
  first.set(Buffer.from(MAGIC, 'latin1'));
  view.setUint32(8, formVersion, true);
  [answers, explanations].forEach((packed, part) => {
    view.setUint32(12 + part * 8, packed.tree.length, true);
    view.setUint32(16 + part * 8, columnBytes(packed), true);
  });
  first.set(Buffer.from(key.sourceDigest, 'hex'), digestAt.source);
  first.set(Buffer.from(key.engineDigest, 'hex'), digestAt.engine);
  first.set(sha256(second), digestAt.second);
  first.set(firstDigest(first), digestAt.first);
  return { first, second };
}

function writePart(packed: Packed, before: number): Uint8Array<ArrayBuffer> {
  const columnsAt = aligned(before + packed.tree.length);
  const part = new Uint8Array(columnsAt + columnBytes(packed));
  part.set(packed.tree, before);
  let at = columnsAt;
  for (const column of packed.columns) {
    part.set(column, at);
    at += column.length;
  }
  return part;
}

function columnBytes(packed: Packed): number {
  return packed.columns.reduce((sum, column) => sum + column.length, 0);
}

/** The bytes of the two parts of a form, the first with the header, as the header says. */
export function partSizes(header: Uint8Array): { readonly first: number; readonly second: number } {
  const view = viewOf(header);
  const size = (before: number, at: number): number =>
    aligned(before + view.getUint32(at, true)) + view.getUint32(at + 4, true);
  return { first: size(headerBytes, 12), second: size(0, 20) };
}

/** True for the whole and undamaged first part of a form of this version, made from this source by this code. */
export function isFormFor(first: Uint8Array, key: FormKey): boolean {
  if (first.length < headerBytes) return false;
  const view = viewOf(first);
  return (
    Buffer.from(first.subarray(0, 8)).toString('latin1') === MAGIC &&
    view.getUint32(8, true) === formVersion &&
    view.getUint32(28, true) === 0 &&
    partSizes(first).first === first.length &&
    digestIn(first, digestAt.source).toString('hex') === key.sourceDigest &&
    digestIn(first, digestAt.engine).toString('hex') === key.engineDigest &&
    digestIn(first, digestAt.first).equals(firstDigest(first))
  );
}

/** True when these bytes are the second part of the form. */
export function isSecondPart(first: Uint8Array, second: Uint8Array): boolean {
  return partSizes(first).second === second.length && digestIn(first, digestAt.second).equals(sha256(second));
}

/** The value in the first part; its typed arrays are views on the part. Throws when there is none. */
export function readFirstPart(first: Uint8Array<ArrayBuffer>): unknown {
  return readPart(first, headerBytes, viewOf(first).getUint32(12, true));
}

/** The value in the second part likewise. */
export function readSecondPart({ first, second }: Form): unknown {
  return readPart(second, 0, viewOf(first).getUint32(20, true));
}

function readPart(part: Uint8Array<ArrayBuffer>, before: number, treeBytes: number): unknown {
  return unpack(part.subarray(before, before + treeBytes), part.subarray(aligned(before + treeBytes)));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function digestIn(first: Uint8Array, at: number): Buffer {
  return Buffer.from(first.subarray(at, at + 32));
}

function firstDigest(first: Uint8Array): Buffer {
  return createHash('sha256').update(first.subarray(0, digestAt.first)).update(first.subarray(headerBytes)).digest();
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
