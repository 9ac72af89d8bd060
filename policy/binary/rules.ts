import { reserveAccess, UNCONDITIONAL } from '../policydb/access-table.ts';
import { reserve } from '../policydb/column.ts';
import type { ConditionalDatum, Policydb } from '../policydb/policydb.ts';
import { addTypeRule, type TypeTable } from '../policydb/type-table.ts';
import {
  addXpermRule,
  type Commands,
  XPERM_ALLOW,
  XPERM_AUDITALLOW,
  XPERM_DONTAUDIT,
  type XpermKind,
} from '../policydb/xperm-table.ts';
import { BYTES_OF_RULE, createKnown, ENABLED, type Known, readAccessRules } from './access-rules.ts';
import { readCommands } from './commands.ts';
import { type BranchStatements, withOrigins } from './origins.ts';
import { fault, type Reader, readCount, readU16, readU32 } from './reader.ts';
import { addStatement } from './statements.ts';
import { knownValue } from './symbol-table.ts';

/** What an entry of a table of rules is (AVTAB_* of libsepol's avtab.h). */
const TYPE_RULE = { transition: 0x10, member: 0x20, change: 0x40 } as const;
const EXTENDED = 0x700;
const EXTENDED_KINDS = new Map<number, XpermKind>([
  [0x100, XPERM_ALLOW],
  [0x200, XPERM_AUDITALLOW],
  [0x400, XPERM_DONTAUDIT],
]);
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
  /** Permissions, or the type of a type rule. */
  readonly data: number;
  /** What an extended rule has in its place. */
  readonly commands?: Commands;
  readonly start: number;
}

/** The rules that stand in no condition, and the conditions, each with the rules of its two sides. */
export function readRules(reader: Reader, db: Policydb): void {
  const plain = readCount(reader, 'rules', BYTES_OF_RULE);
  const known = createKnown(db, plain);
  reserve(reader.statements.starts, plain);
  reserveAccess(db.access, plain);
  const branches = [readSide(reader, db, known, UNCONDITIONAL, plain)];
  const count = readCount(reader, 'conditions', 16);
  for (let index = 0; index < count; index++) {
    const state = readU32(reader);
    // -1 stands for a condition that could not be evaluated.
    if (state > 1 && state !== 0xffff_ffff) fault(reader, `a condition that is ${state}`, reader.offset - 4);
    const branch = (db.conditionals.push({ steps: readCondition(reader, db) }) - 1) * 2;
    for (const side of [branch, branch + 1]) {
      branches.push(readSide(reader, db, known, side, readCount(reader, 'conditional rules', BYTES_OF_RULE)));
    }
  }
  withOrigins(db.access, reader, known, branches);
}

/** The rules of one branch: access rules in runs, and between them those of other kinds, one by one. */
function readSide(reader: Reader, db: Policydb, known: Known, branch: number, count: number): BranchStatements {
  const from = reader.statements.starts.length;
  for (let rule = 0; rule < count; rule++) {
    rule += readAccessRules(reader, db.access, known, branch, count - rule);
    if (rule < count) readOtherRule(reader, db, branch);
  }
  return { branch, from, end: reader.statements.starts.length };
}

function readCondition(reader: Reader, db: Policydb): ConditionalDatum['steps'] {
  const start = reader.offset;
  const count = readCount(reader, 'steps of a condition', 8);
  const steps: ConditionalDatum['steps'][number][] = [];
  let depth = 0;
  for (let index = 0; index < count; index++) {
    const at = reader.offset;
    const kind = readU32(reader);
    const boolean = readU32(reader);
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
  if ((kind & EXTENDED) === 0) return { source, target, tclass, kind, data: readU32(reader), start };
  return { source, target, tclass, kind, data: 0, commands: readCommands(reader), start };
}

/** Reads and adds any other rule, or says what is wrong with it. */
function readOtherRule(reader: Reader, db: Policydb, branch: number): void {
  const start = reader.offset;
  const source = knownValue(reader, db.types, 'type', readU16(reader), start);
  const target = knownValue(reader, db.types, 'type', readU16(reader), start);
  const tclass = knownValue(reader, db.classes, 'class', readU16(reader), start);
  const kind = readU16(reader) & ~ENABLED;
  const statement = addStatement(reader.statements, start);
  if ((kind & EXTENDED) !== 0) {
    if (branch !== UNCONDITIONAL) fault(reader, 'an extended rule inside a condition', start);
    addCommands(reader, db, { source, target, tclass, kind, data: 0, start }, statement);
    return;
  }
  const table = tableOf(db, kind) ?? fault(reader, `a rule of unknown kind 0x${kind.toString(16)}`, start);
  const type = knownValue(reader, db.types, 'type', readU32(reader), start);
  if (db.types.isAttribute[type]) fault(reader, 'a type rule that gives an attribute', start);
  const { outcome } = addTypeRule(table, source, target, tclass, { type, branch, statement });
  if (outcome !== 'added') fault(reader, 'a type rule beside another that stands in its way', start);
}

function tableOf({ typeRules }: Policydb, kind: number): TypeTable | undefined {
  switch (kind) {
    case TYPE_RULE.transition:
      return typeRules.type_transition;
    case TYPE_RULE.member:
      return typeRules.type_member;
    case TYPE_RULE.change:
      return typeRules.type_change;
    default:
      return undefined;
  }
}

/** Up to version 33 only the commands of `ioctl` are ruled, and only outside conditions. */
function addCommands(
  reader: Reader,
  db: Policydb,
  { source, target, tclass, kind, start }: RawRule,
  statement: number,
): void {
  const operation = db.classData[tclass]?.bits.get('ioctl');
  const says = EXTENDED_KINDS.get(kind);
  if (operation === undefined) fault(reader, 'an extended rule for a class without `ioctl`', start);
  if (says === undefined) fault(reader, `a rule of unknown kind 0x${kind.toString(16)}`, start);
  const list = db.xperms.lists.push(readCommands(reader)) - 1;
  addXpermRule(db.xperms, source, target, tclass, { kind: says, operation, list, statement });
}
