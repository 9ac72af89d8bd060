import type { DefaultValue } from '../language/ast.ts';
import { type ClassDatum, type Policydb, permissionBits, permsMax } from '../policydb/policydb.ts';
import { type ReadConstraint, readConstraints } from './constraints.ts';
import { fault, type Reader, readCount, readName, readU32 } from './reader.ts';
import { declare, readNamedTable, readTable, type TableKind } from './symbol-table.ts';

/** A class and its rules, whose sets are fitted when users, roles and types are known. */
export interface RawClass {
  readonly datum: ClassDatum;
  readonly constraints: readonly ReadConstraint[];
  readonly validations: readonly ReadConstraint[];
}

/** By their numbers in the policy (DEFAULT_* of libsepol's policydb.h); 0 is none. */
const SIDES: readonly (DefaultValue | undefined)[] = [undefined, 'source', 'target'];
const RANGES: readonly (DefaultValue | undefined)[] = [
  undefined,
  'source low',
  'source high',
  'source low-high',
  'target low',
  'target high',
  'target low-high',
  'glblub',
];

export function readCommons(reader: Reader, db: Policydb): void {
  const values = new Set<number>();
  readTable(reader, 'commons', 17, (valueMax) => {
    const at = reader.offset;
    const length = readU32(reader);
    const value = readU32(reader);
    const count = readPermCount(reader);
    const own = readU32(reader);
    const name = readName(reader, 'a common', length);
    if (value < 1 || value > valueMax || values.has(value) || db.commons.has(name)) {
      fault(reader, `common \`${name}\` is there twice, or has value ${value} of ${valueMax}`, at);
    }
    values.add(value);
    db.commons.set(name, { perms: readPerms(reader, [], count, own) });
  });
}

export function readClasses(reader: Reader, glblub: boolean, db: Policydb): RawClass[] {
  const classes: RawClass[] = [];
  const kind = { what: 'class', all: 'classes', bytesEach: 41, names: db.classes };
  readNamedTable(reader, kind, (valueMax) => {
    classes.push(readClass(reader, glblub, db, kind, valueMax));
  });
  return classes;
}

function readClass(reader: Reader, glblub: boolean, db: Policydb, kind: TableKind, valueMax: number): RawClass {
  const at = reader.offset;
  const length = readU32(reader);
  const commonLength = readU32(reader);
  const value = readU32(reader);
  const count = readPermCount(reader);
  const own = readU32(reader);
  const constraintCount = readCount(reader, 'constraints', 8);
  const name = readName(reader, 'a class', length);
  const common = commonLength === 0 ? undefined : readName(reader, 'a common', commonLength);
  const inherited = common === undefined ? [] : db.commons.get(common)?.perms;
  if (inherited === undefined) fault(reader, `class \`${name}\` has the unknown common \`${common}\``, at);
  const perms = readPerms(reader, inherited, count, own);
  const constraints = readConstraints(reader, constraintCount, false);
  const validations = readConstraints(reader, readCount(reader, 'validatetrans rules', 8), true);
  const datum: ClassDatum = {
    name,
    perms,
    bits: permissionBits(perms),
    constraints: [],
    validations: [],
    defaults: readDefaults(reader, glblub),
  };
  declare(reader, kind, valueMax, name, value, false, at);
  db.classData[value] = datum;
  return { datum, constraints, validations };
}

function readPermCount(reader: Reader): number {
  const at = reader.offset;
  const count = readU32(reader);
  return count <= permsMax ? count : fault(reader, `${count} permissions do not fit an access vector`, at);
}

/** `own` permissions after the inherited ones; together they have the values 1 to `count`, each once. */
function readPerms(reader: Reader, inherited: readonly string[], count: number, own: number): readonly string[] {
  const start = reader.offset;
  if (inherited.length + own !== count) fault(reader, `${count} permissions, of which ${own} are named`, start);
  const perms = [...inherited];
  for (let index = 0; index < own; index++) {
    const at = reader.offset;
    const length = readU32(reader);
    const value = readU32(reader);
    const name = readName(reader, 'a permission', length);
    if (value < 1 || value > count || perms[value - 1] !== undefined || perms.includes(name)) {
      fault(reader, `permission \`${name}\` is there twice, or has value ${value} of ${count}`, at);
    }
    perms[value - 1] = name;
  }
  return perms;
}

function readDefaults(reader: Reader, glblub: boolean): ClassDatum['defaults'] {
  const defaults: ClassDatum['defaults'] = {};
  const user = readDefault(reader, 'user', SIDES, SIDES.length);
  const role = readDefault(reader, 'role', SIDES, SIDES.length);
  const range = readDefault(reader, 'range', RANGES, glblub ? RANGES.length : RANGES.length - 1);
  const type = readDefault(reader, 'type', SIDES, SIDES.length);
  if (user !== undefined) defaults.user = user;
  if (role !== undefined) defaults.role = role;
  if (range !== undefined) defaults.range = range;
  if (type !== undefined) defaults.type = type;
  return defaults;
}

function readDefault(
  reader: Reader,
  of: string,
  values: readonly (DefaultValue | undefined)[],
  known: number,
): DefaultValue | undefined {
  const number = readU32(reader);
  return number < known ? values[number] : fault(reader, `unknown default_${of} ${number}`, reader.offset - 4);
}
