import { type Policydb, type Stated, tripleKey } from '../policydb/policydb.ts';
import { readRange, resolveRange } from './levels.ts';
import { fault, type Reader, readCount, readText, readU32 } from './reader.ts';
import { readMembers } from './sets.ts';
import { addStatement } from './statements.ts';
import { knownValue, readValue } from './symbol-table.ts';

export function readRoleTransitions(reader: Reader, db: Policydb): void {
  const count = readCount(reader, 'role transitions', 16);
  for (let rule = 0; rule < count; rule++) {
    const start = reader.offset;
    const role = readValue(reader, db.roles, 'role');
    const type = readValue(reader, db.types, 'type');
    const value = readValue(reader, db.roles, 'role');
    const key = tripleKey(role, type, readValue(reader, db.classes, 'class'));
    if (db.roleTransitions.has(key)) fault(reader, 'a role transition that is there twice', start);
    db.roleTransitions.set(key, { value, statement: addStatement(reader.statements, start) });
  }
}

export function readRoleAllows(reader: Reader, db: Policydb): void {
  const count = readCount(reader, 'role allows', 8);
  for (let rule = 0; rule < count; rule++) {
    const start = reader.offset;
    const key = tripleKey(readValue(reader, db.roles, 'role'), readValue(reader, db.roles, 'role'), 0);
    const statement = addStatement(reader.statements, start);
    if (!db.roleAllows.has(key)) db.roleAllows.set(key, statement);
  }
}

export function readRangeTransitions(reader: Reader, db: Policydb): void {
  const count = readCount(reader, 'range transitions', 32);
  for (let rule = 0; rule < count; rule++) {
    const start = reader.offset;
    const source = readValue(reader, db.types, 'type');
    const target = readValue(reader, db.types, 'type');
    const key = tripleKey(source, target, readValue(reader, db.classes, 'class'));
    const value = resolveRange(reader, db.mls, readRange(reader));
    if (db.rangeTransitions.has(key)) fault(reader, 'a range transition that is there twice', start);
    db.rangeTransitions.set(key, { value, statement: addStatement(reader.statements, start) });
  }
}

/** One rule by file name as it stands in the bytes. */
export interface RawFileNameRule {
  readonly name: string;
  readonly target: number;
  readonly tclass: number;
  readonly sources: readonly number[];
  readonly type: number;
  readonly start: number;
}

/** type_transition by file name: one source to an entry, or from version 33 every source and type of a name together. */
export function readFileNameRules(reader: Reader, compressed: boolean, db: Policydb): void {
  const count = readCount(reader, 'rules by file name', compressed ? 37 : 21);
  for (let entry = 0; entry < count; entry++) {
    const rules = compressed ? readCompressed(reader) : [readPlain(reader)];
    for (const rule of rules) addFileNameRule(reader, db, rule, compressed);
  }
}

export function readPlain(reader: Reader): RawFileNameRule {
  const start = reader.offset;
  const name = readText(reader, 'a file name', readU32(reader));
  const source = readU32(reader);
  const target = readU32(reader);
  const tclass = readU32(reader);
  const type = readU32(reader);
  return { name, target, tclass, sources: [source], type, start };
}

/** Every rule starts at its sources, so that each has a place of its own. */
export function readCompressed(reader: Reader): RawFileNameRule[] {
  const start = reader.offset;
  const name = readText(reader, 'a file name', readU32(reader));
  const target = readU32(reader);
  const tclass = readU32(reader);
  const count = readCount(reader, 'types of a file name', 16);
  if (count === 0) fault(reader, 'a rule by file name without a type', start);
  return Array.from({ length: count }, () => {
    const own = reader.offset;
    const sources = readMembers(reader, 1);
    return { name, target, tclass, sources, type: readU32(reader), start: own };
  });
}

function addFileNameRule(reader: Reader, db: Policydb, rule: RawFileNameRule, compressed: boolean): void {
  const { name, start } = rule;
  const target = knownValue(reader, db.types, 'type', rule.target, start);
  const tclass = knownValue(reader, db.classes, 'class', rule.tclass, start);
  const value = knownValue(reader, db.types, 'type', rule.type, start);
  const rules = db.fileNameRules.get(name) ?? new Map<number, Stated<number>>();
  db.fileNameRules.set(name, rules);
  const stated = { value, statement: addStatement(reader.statements, start) };
  for (const source of rule.sources) {
    const key = tripleKey(knownValue(reader, db.types, 'type', source, start), target, tclass);
    if (!rules.has(key)) rules.set(key, stated);
    // Old compilers wrote a rule twice in the plain form, and libsepol takes the first.
    else if (compressed) fault(reader, 'a rule by file name that is there twice', start);
  }
}
