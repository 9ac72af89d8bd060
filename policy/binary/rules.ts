import {
  ALLOW,
  AUDITALLOW,
  AUDITDENY,
  addReserved,
  reserveAccess,
  UNCONDITIONAL,
  type Vector,
} from '../policydb/access-table.ts';
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
import { readCommands } from './commands.ts';
import { fault, type Reader, readCount, readU16, readU32 } from './reader.ts';
import { addStatement } from './statements.ts';
import { knownValue } from './symbol-table.ts';

/** What an entry of a table of rules is (AVTAB_* of libsepol's avtab.h). */
const VECTORS: readonly (Vector | undefined)[] = [undefined, ALLOW, AUDITALLOW, undefined, AUDITDENY];
const TYPE_RULES = new Map<number, keyof Policydb['typeRules']>([
  [0x10, 'type_transition'],
  [0x20, 'type_member'],
  [0x40, 'type_change'],
]);
const EXTENDED = 0x700;
const EXTENDED_KINDS = new Map<number, XpermKind>([
  [0x100, XPERM_ALLOW],
  [0x200, XPERM_AUDITALLOW],
  [0x400, XPERM_DONTAUDIT],
]);
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
  /** Permissions, or the type of a type rule. */
  readonly data: number;
  /** What an extended rule has in its place. */
  readonly commands?: Commands;
  readonly start: number;
}

/** The rules that stand in no condition, and the conditions, each with the rules of its two sides. */
export function readRules(reader: Reader, db: Policydb): void {
  const known = createKnown(db);
  readSide(reader, db, known, UNCONDITIONAL);
  const count = readCount(reader, 'conditions', 16);
  for (let index = 0; index < count; index++) {
    const state = readU32(reader);
    // -1 stands for a condition that could not be evaluated.
    if (state > 1 && state !== 0xffff_ffff) fault(reader, `a condition that is ${state}`, reader.offset - 4);
    const conditional = db.conditionals.push({ steps: readCondition(reader, db) }) - 1;
    for (const side of [0, 1]) readSide(reader, db, known, conditional * 2 + side);
  }
}

/** What most rules name, in a form that is looked up fast: 1 for a type, and for a class its permissions. */
interface Known {
  readonly types: Uint8Array;
  readonly classes: Uint8Array;
  readonly perms: Int32Array;
}

function createKnown({ types, classes, classData }: Policydb): Known {
  return {
    types: Uint8Array.from(types.names, (name) => (name === '' ? 0 : 1)),
    classes: Uint8Array.from(classes.names, (name) => (name === '' ? 0 : 1)),
    perms: Int32Array.from(classes.names, (_, tclass) => allPermissions(classData[tclass]?.perms.length ?? 0)),
  };
}

/**
 * The rules of one branch. Nearly all rules of a policy are sound access rules: those are read in one loop, since code
 * that has not run before is slow at calls.
 */
function readSide(reader: Reader, db: Policydb, known: Known, branch: number): void {
  const count = readCount(reader, branch === UNCONDITIONAL ? 'rules' : 'conditional rules', BYTES_OF_RULE);
  const { view, statements } = reader;
  const { origins } = db.access;
  reserve(statements.starts, count);
  reserveAccess(db.access, count);
  const from = origins.vector.length;
  const { data: starts } = statements.starts;
  const { data: vectors } = origins.vector;
  const { data: perms } = origins.perms;
  const { data: numbers } = origins.statement;
  const pairs = new Int32Array(count);
  const classes = new Int32Array(count);
  const last = view.byteLength - BYTES_OF_RULE;
  let entry = from;
  for (let rule = 0; rule < count; rule++) {
    const at = reader.offset;
    const vector = at <= last ? VECTORS[view.getUint16(at + 6, true) & ~ENABLED] : undefined;
    const source = vector === undefined ? 0 : view.getUint16(at, true);
    const target = vector === undefined ? 0 : view.getUint16(at + 2, true);
    const tclass = vector === undefined ? 0 : view.getUint16(at + 4, true);
    if (vector === undefined || known.types[source] !== 1 || known.types[target] !== 1 || known.classes[tclass] !== 1) {
      addRule(reader, db, readRule(reader), branch);
      continue;
    }
    const every = known.perms[tclass] as number;
    const data = view.getInt32(at + 8, true);
    pairs[entry - from] = (source << 16) | target;
    classes[entry - from] = tclass;
    vectors[entry] = vector;
    perms[entry] = vector === AUDITDENY ? data | ~every : data & every;
    numbers[entry] = statements.starts.length;
    starts[statements.starts.length++] = at;
    reader.offset = at + BYTES_OF_RULE;
    entry++;
  }
  origins.branch.data.fill(branch, from, entry);
  for (const column of [origins.next, origins.vector, origins.branch, origins.perms, origins.statement])
    column.length = entry;
  const twice = addReserved(db.access, from, branch, pairs, classes);
  if (twice >= 0) fault(reader, 'a rule that is there twice', starts[numbers[twice] as number]);
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
  if ((kind & EXTENDED) === 0) return { source, target, tclass, kind, data: readU32(reader), start };
  return { source, target, tclass, kind, data: 0, commands: readCommands(reader), start };
}

/** Adds any other rule, or says what is wrong with it. */
function addRule(reader: Reader, db: Policydb, rule: RawRule, branch: number): void {
  const { kind, start, source, target, tclass } = rule;
  knownValue(reader, db.types, 'type', source, start);
  knownValue(reader, db.types, 'type', target, start);
  knownValue(reader, db.classes, 'class', tclass, start);
  const statement = addStatement(reader.statements, start);
  const typeRule = TYPE_RULES.get(kind);
  if (rule.commands !== undefined) addCommands(reader, db, rule, rule.commands, branch, statement);
  else if (typeRule !== undefined) addOneTypeRule(reader, db, db.typeRules[typeRule], rule, branch, statement);
  else fault(reader, `a rule of unknown kind 0x${kind.toString(16)}`, start);
}

/** Up to version 33 only the commands of `ioctl` are ruled, and only outside conditions. */
function addCommands(
  reader: Reader,
  db: Policydb,
  { source, target, tclass, kind, start }: RawRule,
  commands: Commands,
  branch: number,
  statement: number,
): void {
  const operation = db.classData[tclass]?.bits.get('ioctl');
  const says = EXTENDED_KINDS.get(kind);
  if (branch !== UNCONDITIONAL) fault(reader, 'an extended rule inside a condition', start);
  if (operation === undefined) fault(reader, 'an extended rule for a class without `ioctl`', start);
  if (says === undefined) fault(reader, `a rule of unknown kind 0x${kind.toString(16)}`, start);
  const list = db.xperms.lists.push(commands) - 1;
  addXpermRule(db.xperms, source, target, tclass, { kind: says, operation, list, statement });
}

function allPermissions(count: number): number {
  return count >= 32 ? -1 : (1 << count) - 1;
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
