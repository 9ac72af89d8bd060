import { KNOWN_CAPABILITIES } from '../build/capabilities.ts';
import type { Diagnostic } from '../policy.ts';
import { createPolicydb, type Policydb } from '../policydb/policydb.ts';
import { withSpans } from '../policydb/spans.ts';
import { readTypeAttributes } from './attributes.ts';
import { readHeader } from './header.ts';
import { readLabels } from './labels.ts';
import { BinaryFault, createReader, fault, type Reader } from './reader.ts';
import { readRules } from './rules.ts';
import { readMembers } from './sets.ts';
import { type SectionKind, type Statements, startSection } from './statements.ts';
import { checkBounds, readSymbols } from './symbols.ts';
import { readFileNameRules, readRangeTransitions, readRoleAllows, readRoleTransitions } from './transitions.ts';

/** The bytes a binary policy may have. Debian's has two million. */
const binaryBytesMax = 32 * 1024 * 1024;

/** A database made from bytes, and where in them its statements are. */
export type ReadBinary =
  | { readonly ok: true; readonly db: Policydb; readonly statements: Statements }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/**
 * Reads a binary kernel policy of version 30 to 33 (what /sys/fs/selinux/policy and `checkpolicy -o` hold; the format
 * is libsepol's policydb_read). Every number is checked before it is used and every byte is read. What is wrong is one
 * diagnostic that names the byte; nothing is thrown. Neverallow rules are not in a binary policy.
 */
export function readBinary(bytes: Uint8Array, file: string): ReadBinary {
  const reader = createReader(bytes);
  try {
    if (bytes.length > binaryBytesMax) fault(reader, `${bytes.length} bytes, more than ${binaryBytesMax}`);
    return { ok: true, ...readPolicydb(reader) };
  } catch (error) {
    if (!(error instanceof BinaryFault)) throw error;
    const { offset, message } = error;
    const span = { start: offset, end: offset };
    const place = { file, line: 0, column: offset + 1, span };
    const hint = 'make the policy again from its source';
    return { ok: false, diagnostics: [{ severity: 'error', ...place, message: `byte ${offset}: ${message}`, hint }] };
  }
}

function readPolicydb(reader: Reader): { readonly db: Policydb; readonly statements: Statements } {
  const db = createPolicydb();
  const { statements } = reader;
  const section = (kind: SectionKind): void => startSection(statements, kind, reader.offset);
  const header = readHeader(reader);
  readCapabilities(reader, db);
  const permissive = readMembers(reader, 0);
  const permissiveEnd = reader.offset;
  section('constraint');
  const places = readSymbols(reader, header, db);
  section('bounds');
  checkBounds(reader, db, places);
  for (const type of permissive) {
    if (!db.types.names[type] || db.types.isAttribute[type]) fault(reader, `${type} is no type`, permissiveEnd);
    db.types.permissive[type] = true;
  }
  section('rule');
  readRules(reader, db);
  section('role_transition');
  readRoleTransitions(reader, db);
  section('role allow');
  readRoleAllows(reader, db);
  section(header.compressedFileNames ? 'compressed file names' : 'file name');
  readFileNameRules(reader, header.compressedFileNames, db);
  readLabels(reader, header, db);
  section('range_transition');
  readRangeTransitions(reader, db);
  readTypeAttributes(reader, db);
  const left = reader.bytes.length - reader.offset;
  if (left > 0) fault(reader, `${left} bytes after the end of the policy`);
  const starts = statements.starts.data.subarray(0, statements.starts.length);
  return { db: withSpans(db, () => ({ starts, ends: starts })), statements };
}

function readCapabilities(reader: Reader, db: Policydb): void {
  const at = reader.offset;
  const names = [...KNOWN_CAPABILITIES];
  for (const number of readMembers(reader, 0)) {
    db.capabilities.add(names[number] ?? fault(reader, `unknown policy capability ${number}`, at));
  }
}
