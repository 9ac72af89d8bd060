import { ALLOW, AUDITALLOW, AUDITDENY, addAccess, UNCONDITIONAL, type Vector } from '../policydb/access-table.ts';
import { findRow } from '../policydb/key-index.ts';
import type { ConditionalDatum, Policydb } from '../policydb/policydb.ts';
import { addTypeRule, type TypeTable } from '../policydb/type-table.ts';
import { fault, type Reader, readCount, readU8, readU16, readU32 } from './reader.ts';
import { addStatement } from './statements.ts';
import { knownValue } from './symbol-table.ts';

/** What an entry of a table of rules is (AVTAB_* of libsepol's avtab.h). */
const VECTORS = new Map<number, Vector>([
  [1, ALLOW],
  [2, AUDITALLOW],
  [4, AUDITDENY],
]);
const TYPE_RULES = new Map<number, keyof Policydb['typeRules']>([
  [0x10, 'type_transition'],
  [0x20, 'type_member'],
  [0x40, 'type_change'],
]);
const EXTENDED = 0x700;
/** Says that a conditional rule was on when the policy was written; its condition is evaluated here. */
const ENABLED = 0x8000;
const BYTES_OF_RULE = 12;
const OPERATORS = [undefined, undefined, 'not', 'or', 'and', 'xor', 'eq', 'ne'] as const;
const BOOLEAN = 1;
/** How many truth values may wait on the stack (COND_EXPR_MAXDEPTH). */
const conditionDepthMax = 10;

/** One entry, its values not looked at yet. */
export interface RawRule {
  readonly source: number;
  readonly target: number;
  readonly tclass: number;
  readonly kind: number;
  /** Permissions, or the type of a type rule; 0 for an extended one. */
  readonly data: number;
  readonly start: number;
  readonly end: number;
}

/** The rules that stand in no condition. */
export function readRules(reader: Reader, db: Policydb): void {
  const count = readCount(reader, 'rules', BYTES_OF_RULE);
  for (let rule = 0; rule < count; rule++) addRule(reader, db, readRule(reader), UNCONDITIONAL);
}

/** The conditions, each with the rules of its two sides. */
export function readConditionals(reader: Reader, db: Policydb): void {
  const count = readCount(reader, 'conditions', 16);
  for (let index = 0; index < count; index++) {
    const state = readU32(reader);
    // -1 stands for a condition that could not be evaluated.
    if (state > 1 && state !== 0xffff_ffff) fault(reader, `a condition that is ${state}`, reader.offset - 4);
    const conditional = db.conditionals.push({ steps: readCondition(reader, db) }) - 1;
    for (const side of [0, 1]) {
      const rules = readCount(reader, 'conditional rules', BYTES_OF_RULE);
      for (let rule = 0; rule < rules; rule++) addRule(reader, db, readRule(reader), conditional * 2 + side);
    }
  }
}

function readCondition(reader: Reader, db: Policydb): ConditionalDatum['steps'] {
  const start = reader.offset;
  const count = readCount(reader, 'steps of a condition', 8);
  const steps: ConditionalDatum['steps'][number][] = [];
  let depth = 0;
  for (let index = 0; index < count; index++) {
    const at = reader.offset;
    const [kind, boolean] = [readU32(reader), readU32(reader)];
    const operator = OPERATORS[kind];
    if (kind === BOOLEAN) {
      steps.push(knownValue(reader, db.booleans, 'boolean', boolean, at));
      depth++;
    } else if (operator === undefined) fault(reader, `${kind} is no step of a condition`, at);
    else if (depth < (operator === 'not' ? 1 : 2)) fault(reader, `\`${operator}\` without what it joins`, at);
    else {
      steps.push(operator);
      if (operator !== 'not') depth--;
    }
    if (depth > conditionDepthMax) fault(reader, 'a condition that is too deep', at);
  }
  if (depth !== 1) fault(reader, 'a condition that has no one answer', start);
  return steps;
}

/** Reads one entry; the values in it are looked at when it is added. */
export function readRule(reader: Reader): RawRule {
  const start = reader.offset;
  const source = readU16(reader);
  const target = readU16(reader);
  const tclass = readU16(reader);
  const kind = readU16(reader) & ~ENABLED;
  if ((kind & EXTENDED) === 0)
    return { source, target, tclass, kind, data: readU32(reader), start, end: reader.offset };
  readExtended(reader);
  return { source, target, tclass, kind, data: 0, start, end: reader.offset };
}

function readExtended(reader: Reader): void {
  readU8(reader);
  readU8(reader);
  for (let word = 0; word < 8; word++) readU32(reader);
}

function addRule(reader: Reader, db: Policydb, rule: RawRule, branch: number): void {
  const { kind, start } = rule;
  knownValue(reader, db.types, 'type', rule.source, start);
  knownValue(reader, db.types, 'type', rule.target, start);
  knownValue(reader, db.classes, 'class', rule.tclass, start);
  const statement = addStatement(db, start, rule.end);
  const vector = VECTORS.get(kind);
  if (vector !== undefined) {
    addAccessRule(reader, db, rule, vector, branch, statement);
    return;
  }
  const typeRule = TYPE_RULES.get(kind);
  if (typeRule !== undefined) addOneTypeRule(reader, db, db.typeRules[typeRule], rule, branch, statement);
  else if ((kind & EXTENDED) === 0) fault(reader, `a rule of unknown kind 0x${kind.toString(16)}`, start);
}

function addAccessRule(
  reader: Reader,
  db: Policydb,
  { source, target, tclass, data, start }: RawRule,
  vector: Vector,
  branch: number,
  statement: number,
): void {
  if (branch === UNCONDITIONAL && hasVector(db, source, target, tclass, vector))
    fault(reader, 'a rule that is there twice', start);
  const count = db.classData[tclass]?.perms.length ?? 0;
  const every = count >= 32 ? -1 : (1 << count) - 1;
  const perms = vector === AUDITDENY ? data | ~every : data & every;
  addAccess(db.access, source, target, tclass, { vector, perms, branch, statement });
}

function hasVector(db: Policydb, source: number, target: number, tclass: number, vector: Vector): boolean {
  const { index, origin, origins } = db.access;
  const row = findRow(index, source, target, tclass);
  if (row < 0) return false;
  for (let entry = origin.data[row] ?? -1; entry >= 0; entry = origins.next.data[entry] ?? -1) {
    if (origins.vector.data[entry] === vector) return true;
  }
  return false;
}

function addOneTypeRule(
  reader: Reader,
  db: Policydb,
  table: TypeTable,
  { source, target, tclass, data, start }: RawRule,
  branch: number,
  statement: number,
): void {
  const type = knownValue(reader, db.types, 'type', data, start);
  if (db.types.isAttribute[type]) fault(reader, 'a type rule that gives an attribute', start);
  const { outcome } = addTypeRule(table, source, target, tclass, { type, branch, statement });
  if (outcome !== 'added') fault(reader, 'a type rule beside another that stands in its way', start);
}
