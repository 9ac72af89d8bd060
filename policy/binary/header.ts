import type { Target } from '../build/builder.ts';
import { fault, type Reader, readText, readU32 } from './reader.ts';

/** The first four bytes of a kernel policy, as a little-endian number. */
const KERNEL_MAGIC = 0xf97c_ff8c;
const MODULE_MAGIC = 0xf97c_ff8d;
const TARGETS = new Map<string, Target>([
  ['SE Linux', 'selinux'],
  ['XenFlask', 'xen'],
]);
const targetBytes = 8;

/** The versions read here; those for Xen stay at the first. */
const versionMin = 30;
const versionMax: Readonly<Record<Target, number>> = { selinux: 33, xen: 30 };

/** The version from which a feature is there (POLICYDB_VERSION_* of libsepol's policydb.h). */
const VERSION = { infiniband: 31, glblub: 32, compressedFileNames: 33 } as const;

const CONFIG = { mls: 1, rejectUnknown: 2, allowUnknown: 4 } as const;
const SYMBOL_TABLES = 8;
/** Kinds of labelled things: initial SIDs up to IPv6 nodes, and the two of InfiniBand. */
const LABEL_TABLES = 7;
/** Xen's kinds: initial SIDs, interrupts, I/O ports, I/O memory, PCI devices and nodes of the device tree. */
const XEN_LABEL_TABLES = 6;

/** What the version and the configuration say of the rest. */
export interface Header {
  readonly target: Target;
  readonly mls: boolean;
  /** Whether `default_range glblub` is known. */
  readonly glblub: boolean;
  /** Whether rules by file name stand together by name. */
  readonly compressedFileNames: boolean;
  /** How many tables of labelled things follow the rules. */
  readonly labelTables: number;
}

/** True for bytes that begin like a kernel policy or a policy module, which is no source. */
export function isBinaryPolicy(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const magic = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  return magic === KERNEL_MAGIC || magic === MODULE_MAGIC;
}

/** Reads what stands before the tables, and refuses what it does not know. */
export function readHeader(reader: Reader): Header {
  const magic = readU32(reader);
  if (magic === MODULE_MAGIC) fault(reader, 'a policy module, where a kernel policy must stand', 0);
  if (magic !== KERNEL_MAGIC) fault(reader, `the magic number 0x${magic.toString(16)} is not a kernel policy's`, 0);
  const lengthAt = reader.offset;
  const length = readU32(reader);
  const known = [...TARGETS.keys()].join(' and ');
  if (length !== targetBytes) fault(reader, `a target of ${length} bytes; ${known} are known`, lengthAt);
  const name = readText(reader, 'a target', length);
  const target = TARGETS.get(name) ?? fault(reader, `the target \`${name}\` is not known; ${known} are`, lengthAt);

  const versionAt = reader.offset;
  const version = readU32(reader);
  const most = versionMax[target];
  if (version < versionMin || version > most) {
    fault(reader, `policy version ${version}; versions ${versionMin} to ${most} are known`, versionAt);
  }
  const configAt = reader.offset;
  const config = readU32(reader);
  const unknown = config & ~(CONFIG.mls | CONFIG.rejectUnknown | CONFIG.allowUnknown);
  if (unknown !== 0) fault(reader, `unknown configuration bits 0x${(unknown >>> 0).toString(16)}`, configAt);
  if ((config & CONFIG.rejectUnknown) !== 0 && (config & CONFIG.allowUnknown) !== 0) {
    fault(reader, 'unknown classes and permissions are both allowed and rejected', configAt);
  }
  const tablesAt = reader.offset;
  const linuxTables = version >= VERSION.infiniband ? LABEL_TABLES + 2 : LABEL_TABLES;
  const labelTables = target === 'xen' ? XEN_LABEL_TABLES : linuxTables;
  const [symbols, labels] = [readU32(reader), readU32(reader)];
  if (symbols !== SYMBOL_TABLES || labels !== labelTables) {
    fault(
      reader,
      `${symbols} and ${labels} tables; version ${version} has ${SYMBOL_TABLES} and ${labelTables}`,
      tablesAt,
    );
  }
  return {
    target,
    mls: (config & CONFIG.mls) !== 0,
    glblub: version >= VERSION.glblub,
    compressedFileNames: version >= VERSION.compressedFileNames,
    labelTables,
  };
}
