import {
  type AccessTable,
  ALLOW,
  AUDITALLOW,
  AUDITDENY,
  accessRow,
  joinVector,
  UNCONDITIONAL,
  type Vector,
} from '../policydb/access-table.ts';
import { push } from '../policydb/column.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { fault, type Reader } from './reader.ts';

/** Says that a conditional rule was on when the policy was written; its condition is evaluated here. */
export const ENABLED = 0x8000;
export const BYTES_OF_RULE = 12;
/** Kinds of entries that are access rules (AVTAB_* of libsepol's avtab.h). */
const KIND = { allow: 1, auditallow: 2, auditdeny: 4 } as const;

/** What most rules name, in a form that is looked up fast: 1 for a type, and for a class its permissions. */
export interface Known {
  readonly types: Uint8Array;
  readonly classes: Uint8Array;
  readonly perms: Int32Array;
  /** By row of the access table: a bit for each vector that an unconditional rule has spoken of. */
  readonly said: Uint8Array;
}

/** Of a policy that has no rules yet and will have `count` unconditional ones. */
export function createKnown({ types, classes, classData }: Policydb, count: number): Known {
  const perms = new Int32Array(classes.names.length);
  for (let tclass = 1; tclass < perms.length; tclass++) {
    perms[tclass] = allPermissions(classData[tclass]?.perms.length ?? 0);
  }
  return { types: whichNamed(types.names), classes: whichNamed(classes.names), perms, said: new Uint8Array(count) };
}

function whichNamed(names: readonly string[]): Uint8Array {
  const named = new Uint8Array(names.length);
  for (let value = 1; value < names.length; value++) named[value] = names[value] === '' ? 0 : 1;
  return named;
}

/**
 * Reads sound access rules, of which there are a hundred thousand, for as long as nothing else stands among them and not
 * more than `most`. Answers how many. Where each came from is found out when it is asked for; see origins.ts.
 */
export function readAccessRules(
  reader: Reader,
  access: AccessTable,
  known: Known,
  branch: number,
  most: number,
): number {
  const { view } = reader;
  const { starts } = reader.statements;
  const { types, classes, perms, said } = known;
  const last = view.byteLength - BYTES_OF_RULE;
  let at = reader.offset;
  let read = 0;
  for (; read < most && at <= last; read++) {
    const vector = vectorOf(view.getUint16(at + 6, true));
    const source = view.getUint16(at, true);
    const target = view.getUint16(at + 2, true);
    const tclass = view.getUint16(at + 4, true);
    if (vector === undefined || types[source] !== 1 || types[target] !== 1 || classes[tclass] !== 1) break;
    const row = accessRow(access, source, target, tclass);
    if (branch === UNCONDITIONAL) {
      if (((said[row] as number) & (1 << vector)) !== 0) fault(reader, 'a rule that is there twice', at);
      said[row] = (said[row] as number) | (1 << vector);
    }
    joinVector(access, row, branch, vector, permsOf(view, at, vector, perms[tclass] as number));
    push(starts, at);
    at += BYTES_OF_RULE;
  }
  reader.offset = at;
  return read;
}

/** The vector an access rule changes; undefined for any other entry. */
export function vectorOf(kind: number): Vector | undefined {
  const of = kind & ~ENABLED;
  return of === KIND.allow
    ? ALLOW
    : of === KIND.auditallow
      ? AUDITALLOW
      : of === KIND.auditdeny
        ? AUDITDENY
        : undefined;
}

/** What an access rule does to its vector: permissions that the class, which has `every`, does not have do not count. */
export function permsOf(view: DataView, at: number, vector: Vector, every: number): number {
  const perms = view.getInt32(at + 8, true);
  return vector === AUDITDENY ? perms | ~every : perms & every;
}

function allPermissions(count: number): number {
  return count >= 32 ? -1 : (1 << count) - 1;
}
