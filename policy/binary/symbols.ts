import type { Bitmap } from '../policydb/bitmap.ts';
import { climbBounds, endlessBounds } from '../policydb/bounds.ts';
import { createNames, type Names, type Policydb } from '../policydb/policydb.ts';
import { type RawClass, readClasses, readCommons } from './classes.ts';
import { fitConstraint, type ReadConstraint } from './constraints.ts';
import type { Header } from './header.ts';
import { type RawLevel, readLevel, resolveLevel, resolveRange } from './levels.ts';
import { type RawRole, type RawUser, readRoles, readTypes, readUsers } from './owners.ts';
import { fault, type Reader, readName, readU32 } from './reader.ts';
import { boundedBitmap, fitSet } from './sets.ts';
import { addStatement } from './statements.ts';
import { checkAliases, declare, knownValue, readNamedTable } from './symbol-table.ts';

/**
 * Reads the eight tables of names in their order. Earlier tables name what later ones declare, so what they say of
 * each other is put in place at the end. Answers where each type's entry stands, for `checkBounds`.
 */
export function readSymbols(reader: Reader, header: Header, db: Policydb): readonly number[] {
  readCommons(reader, db);
  const classes = readClasses(reader, header.glblub, db);
  const roles = readRoles(reader, db);
  const places = readTypes(reader, db);
  const users = readUsers(reader, db);
  readBooleans(reader, db);
  if (header.mls) db.mls = { sensitivities: createNames(), categories: createNames(), legal: [] };
  const levels = readSensitivities(reader, db);
  readCategories(reader, db);

  checkAliases(reader);
  resolveLevels(reader, db, levels);
  resolveRoles(reader, db, roles);
  resolveUsers(reader, db, users);
  for (const one of classes) resolveClass(reader, db, one);
  return places;
}

function readBooleans(reader: Reader, db: Policydb): void {
  const kind = { what: 'boolean', all: 'booleans', bytesEach: 13, names: db.booleans };
  readNamedTable(reader, kind, (valueMax) => {
    const at = reader.offset;
    const value = readU32(reader);
    const state = readU32(reader);
    const length = readU32(reader);
    if (state > 1) fault(reader, `a boolean that is ${state}`, at);
    declare(reader, kind, valueMax, readName(reader, 'a boolean', length), value, false, at);
    db.booleanDefaults[value] = state === 1;
  });
  for (let value = 1; value < db.booleans.names.length; value++) {
    db.booleanDefaults[value] ??= false;
    db.tunables[value] = false;
  }
}

/** Sensitivities are numbered from the lowest up. Without MLS their table is read and must be empty. */
function readSensitivities(reader: Reader, db: Policydb): RawLevel[] {
  const levels: RawLevel[] = [];
  const names = db.mls?.sensitivities ?? createNames();
  const kind = { what: 'sensitivity', all: 'sensitivities', bytesEach: 25, names };
  readNamedTable(reader, kind, (valueMax) => {
    const at = reader.offset;
    const length = readU32(reader);
    const alias = readU32(reader);
    const name = readName(reader, 'a sensitivity', length);
    const level = readLevel(reader);
    if (alias > 1) fault(reader, `sensitivity \`${name}\` is an alias ${alias} times`, at);
    declare(reader, kind, valueMax, name, level.sensitivity, alias === 1, at);
    if (alias === 0) levels.push(level);
  });
  return levels;
}

function readCategories(reader: Reader, db: Policydb): void {
  const names = db.mls?.categories ?? createNames();
  const kind = { what: 'category', all: 'categories', bytesEach: 13, names };
  readNamedTable(reader, kind, (valueMax) => {
    const at = reader.offset;
    const length = readU32(reader);
    const value = readU32(reader);
    const alias = readU32(reader);
    const name = readName(reader, 'a category', length);
    if (alias > 1) fault(reader, `category \`${name}\` is an alias ${alias} times`, at);
    declare(reader, kind, valueMax, name, value, alias === 1, at);
  });
}

function resolveLevels(reader: Reader, db: Policydb, levels: readonly RawLevel[]): void {
  if (db.mls === undefined) return;
  for (const raw of levels) {
    const { sensitivity, categories } = resolveLevel(reader, db.mls, raw);
    db.mls.legal[sensitivity] = categories;
  }
}

function resolveRoles(reader: Reader, db: Policydb, roles: readonly RawRole[]): void {
  const typesMax = db.types.names.length - 1;
  const bitmaps = db.roles.names.map(() => boundedBitmap(reader, typesMax));
  for (const { value, bounds, types, at } of roles) {
    bitmaps[value] = membersKnown(reader, db.types, 'type', fitSet(reader, types, typesMax, at), at);
    db.roles.bounds[value] = bounds === 0 ? 0 : knownValue(reader, db.roles, 'role', bounds, at);
  }
  db.roles.types = bitmaps;
}

function resolveUsers(reader: Reader, db: Policydb, users: readonly RawUser[]): void {
  for (const { value, roles, range, level, at } of users) {
    const set = fitSet(reader, roles, db.roles.names.length - 1, at);
    db.userData[value] = {
      roles: membersKnown(reader, db.roles, 'role', set, at),
      level: resolveLevel(reader, db.mls, level),
      range: resolveRange(reader, db.mls, range),
    };
  }
}

function membersKnown(reader: Reader, names: Names, what: string, set: Bitmap, at: number): Bitmap {
  for (let word = 0; word < set.length; word++) {
    for (let rest = set[word] as number; rest !== 0; rest &= rest - 1) {
      knownValue(reader, names, what, word * 32 + 31 - Math.clz32(rest & -rest), at);
    }
  }
  return set;
}

function resolveClass(reader: Reader, db: Policydb, { datum, constraints, validations }: RawClass): void {
  const counts = { user: db.users.names.length - 1, role: db.roles.names.length - 1, type: db.types.names.length - 1 };
  const fit = (read: ReadConstraint) =>
    fitConstraint(reader, read, counts, addStatement(reader.statements, read.start));
  datum.constraints.push(...constraints.map(fit));
  datum.validations.push(...validations.map(fit));
}

/** A type may be bounded by a type, and by way of it by others, but never by itself. */
export function checkBounds(reader: Reader, db: Policydb, places: readonly number[]): void {
  const { bounds, names, isAttribute, boundsStatement } = db.types;
  for (let type = 1; type < names.length; type++) {
    const parent = bounds[type] ?? 0;
    const place = places[type] ?? 0;
    if (parent === 0 || place === 0) continue;
    knownValue(reader, db.types, 'type', parent, place);
    if (isAttribute[type] || isAttribute[parent]) fault(reader, 'an attribute in a bound', place);
    boundsStatement[type] = addStatement(reader.statements, place);
    const climb = climbBounds(bounds, type);
    if (climb !== 'ends') fault(reader, endlessBounds(names[type] ?? '', climb), place);
  }
}
