import { createHash } from 'node:crypto';
import { type Packed, unpack } from './pack.ts';

/*
 * A compiled form, every number little-endian:
 *
 *   0  8 bytes   `CARNETPC`
 *   8  u32       version of this layout
 *  12  u32       bytes of the tree
 *  16  u32       bytes of the columns
 *  20  u32       0
 *  24  32 bytes  SHA-256 of the policy source it was made from
 *  56  32 bytes  SHA-256 of the code that made it
 *  88  32 bytes  SHA-256 of everything after the header
 * 120            the tree, then zeros up to a multiple of 8, then the columns
 */
const MAGIC = 'CARNETPC';
const formVersion = 1;
const headerBytes = 120;
const alignment = 8;
const digestOffset = { source: 24, engine: 56, content: 88 } as const;

/** The bytes a compiled form may have. Debian's has nine million. */
export const formBytesMax = 1024 * 1024 * 1024;

/** What a form must have been made from and by, as SHA-256 in lower-case hex. */
export interface FormKey {
  readonly sourceDigest: string;
  readonly engineDigest: string;
}

/** Puts a packed value into a form, in a buffer of its own. */
export function writeForm(packed: Packed, key: FormKey): Uint8Array<ArrayBuffer> {
  const columnsAt = aligned(headerBytes + packed.tree.length);
  const columnsBytes = packed.columns.reduce((sum, column) => sum + column.length, 0);
  if (columnsAt + columnsBytes > formBytesMax) throw new RangeError('the compiled policy is too large');
  const form = new Uint8Array(columnsAt + columnsBytes);
  const view = new DataView(form.buffer);
  form.set(Buffer.from(MAGIC, 'latin1'));
  view.setUint32(8, formVersion, true);
  view.setUint32(12, packed.tree.length, true);
  view.setUint32(16, columnsBytes, true);
  form.set(Buffer.from(key.sourceDigest, 'hex'), digestOffset.source);
  form.set(Buffer.from(key.engineDigest, 'hex'), digestOffset.engine);
  form.set(packed.tree, headerBytes);
  let at = columnsAt;
  for (const column of packed.columns) {
    form.set(column, at);
    at += column.length;
  }
  form.set(contentDigest(form), digestOffset.content);
  return form;
}

/** True for a whole and undamaged form of this version that was made from this source by this code. */
export function isFormFor(form: Uint8Array, key: FormKey): boolean {
  if (form.length < headerBytes) return false;
  const view = new DataView(form.buffer, form.byteOffset, form.byteLength);
  const text = (start: number, end: number): string => Buffer.from(form.subarray(start, end)).toString('latin1');
  const hex = (start: number): string => Buffer.from(form.subarray(start, start + 32)).toString('hex');
  const tree = view.getUint32(12, true);
  return (
    text(0, 8) === MAGIC &&
    view.getUint32(8, true) === formVersion &&
    view.getUint32(20, true) === 0 &&
    aligned(headerBytes + tree) + view.getUint32(16, true) === form.length &&
    hex(digestOffset.source) === key.sourceDigest &&
    hex(digestOffset.engine) === key.engineDigest &&
    contentDigest(form).equals(form.subarray(digestOffset.content, digestOffset.content + 32))
  );
}

/** The value in a form that `isFormFor`; its typed arrays are views on the form. Throws when there is none. */
export function readForm(form: Uint8Array<ArrayBuffer>): unknown {
  const view = new DataView(form.buffer, form.byteOffset, form.byteLength);
  const tree = form.subarray(headerBytes, headerBytes + view.getUint32(12, true));
  return unpack(tree, form.subarray(aligned(headerBytes + tree.length)));
}

function contentDigest(form: Uint8Array): Buffer {
  return createHash('sha256').update(form.subarray(headerBytes)).digest();
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
