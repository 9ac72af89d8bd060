/*
 * The header of a qcow2 file, read by Carnet itself before QEMU sees it. Format: docs/interop/qcow2.txt of QEMU.
 */

/** `QFI\xfb`, which also begins a file of the older qcow format. */
const magic = 0x514649fb;

/** How much of a file is read: everything a header may hold is in the first cluster, and in practice in far less. */
export const headerBytesMax = 64 * 1024;

const backingNameBytesMax = 1023;
const extensionsMax = 32;
const snapshotsMax = 1024;

const extensionTypes = { end: 0, backingFormat: 0xe2792aca, dataFile: 0x44415441, encryption: 0x0537be77 } as const;
/** Incompatible features a header may claim: dirty, compression type, extended L2 entries. */
const featuresKnown = 0b1_1001n;
const featureCorrupt = 0b10n;
const featureDataFile = 0b100n;

/** What Carnet needs of a header. A header that names more files than `backing` is never one of these. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly virtualBytes: number;
  readonly backing?: string;
  /** The backing file's format as the header has it; without it QEMU would probe, and a guest could choose. */
  readonly backingFormat?: string;
}

export type ParsedHeader =
  | { readonly ok: true; readonly header: Qcow2Header }
  | { readonly ok: false; readonly problem: string };

/** True for bytes that QEMU's probing would take for qcow2. */
export const looksLikeQcow2 = (bytes: Buffer): boolean => bytes.length >= 4 && bytes.readUInt32BE(0) === magic;

/** Reads the first bytes of a file, at most `headerBytesMax`. Whatever they are, the answer is a header or a sentence. */
export function parseQcow2(bytes: Buffer): ParsedHeader {
  if (!looksLikeQcow2(bytes)) return problem('it is not a qcow2 file');
  if (bytes.length < 72) return problem('its header is cut short');
  const version = bytes.readUInt32BE(4);
  if (version !== 2 && version !== 3) return problem(`its qcow2 version is ${version}, not 2 or 3`);
  if (version === 3 && bytes.length < 104) return problem('its header is cut short');
  const clusterBits = bytes.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) return problem(`its clusters have 2^${clusterBits} bytes, not 2^9 to 2^21`);
  const virtualBytes = bytes.readBigUInt64BE(24);
  if (virtualBytes > BigInt(Number.MAX_SAFE_INTEGER)) return problem('its size is beyond all bounds');
  if (bytes.readUInt32BE(32) !== 0) return problem('it is encrypted');
  if (bytes.readUInt32BE(60) > snapshotsMax) return problem(`it has more than ${snapshotsMax} internal snapshots`);
  const features = version === 3 ? bytes.readBigUInt64BE(72) : 0n;
  if ((features & featureDataFile) !== 0n) return problem('it keeps its data in another file');
  if ((features & featureCorrupt) !== 0n) return problem('it is marked as corrupt');
  if ((features & ~featuresKnown) !== 0n) return problem(`it needs features that are not known (${features})`);
  const headerBytes = version === 3 ? bytes.readUInt32BE(100) : 72;
  if (headerBytes < (version === 3 ? 104 : 72) || headerBytes > 4096 || headerBytes % 8 !== 0) {
    return problem(`its header claims ${headerBytes} bytes`);
  }
  const backing = backingName(bytes, 2 ** clusterBits);
  if (typeof backing === 'object') return backing;
  const end = backing === undefined ? 2 ** clusterBits : Number(bytes.readBigUInt64BE(8));
  const backingFormat = readExtensions(bytes, headerBytes, end);
  if (typeof backingFormat === 'object') return backingFormat;
  const named = backing === undefined ? {} : { backing, ...(backingFormat === undefined ? {} : { backingFormat }) };
  return { ok: true, header: { version, virtualBytes: Number(virtualBytes), ...named } };
}

type Problem = Extract<ParsedHeader, { ok: false }>;
const problem = (text: string): Problem => ({ ok: false, problem: text });

function backingName(bytes: Buffer, clusterBytes: number): string | undefined | Problem {
  const offset = bytes.readBigUInt64BE(8);
  const length = bytes.readUInt32BE(16);
  if (offset === 0n) return undefined;
  if (length > backingNameBytesMax) return problem(`the name of its backing file has ${length} bytes`);
  const end = offset + BigInt(length);
  if (end > BigInt(clusterBytes) || end > BigInt(bytes.length)) {
    return problem('the name of its backing file is not in its header');
  }
  return bytes.toString('latin1', Number(offset), Number(end));
}

/** Walks the header extensions up to their end; the answer is the backing file's format where one says it. */
function readExtensions(bytes: Buffer, headerBytes: number, end: number): string | undefined | Problem {
  let at = headerBytes;
  let backingFormat: string | undefined;
  for (let count = 0; count < extensionsMax; count++) {
    if (at >= end) return backingFormat;
    if (at + 8 > bytes.length) return problem('its header extensions have no end');
    const type = bytes.readUInt32BE(at);
    const length = bytes.readUInt32BE(at + 4);
    if (type === extensionTypes.end) return backingFormat;
    if (type === extensionTypes.dataFile) return problem('it names a file that holds its data');
    if (type === extensionTypes.encryption) return problem('it is encrypted');
    if (at + 8 + length > bytes.length) return problem('a header extension goes beyond its header');
    if (type === extensionTypes.backingFormat) backingFormat = bytes.toString('latin1', at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return problem(`it has more than ${extensionsMax} header extensions`);
}
