import type { Bitmap } from '../policydb/bitmap.ts';
import { OBJECT_ROLE } from '../policydb/context.ts';
import { type Policydb, valuesMax } from '../policydb/policydb.ts';
import { type RawLevel, type RawRange, readLevel, readRange } from './levels.ts';
import { fault, type Reader, readName, readU32 } from './reader.ts';
import { readSet, visitBits } from './sets.ts';
import { declare, lengthen, readNamedTable } from './symbol-table.ts';

export interface RawRole {
  readonly value: number;
  readonly bounds: number;
  readonly types: Bitmap;
  readonly at: number;
}

export interface RawUser {
  readonly value: number;
  readonly roles: Bitmap;
  readonly range: RawRange;
  readonly level: RawLevel;
  readonly at: number;
}

const TYPE_PRIMARY = 1;
const TYPE_ATTRIBUTE = 2;

/** Roles; role attributes have become their roles. `object_r` is always there and has value 1. */
export function readRoles(reader: Reader, db: Policydb): RawRole[] {
  const roles: RawRole[] = [];
  const { names } = db.roles;
  const kind = { what: 'role', all: 'roles', bytesEach: 45, names: db.roles };
  readNamedTable(reader, kind, (valueMax) => {
    const at = reader.offset;
    const length = readU32(reader);
    const value = readU32(reader);
    const bounds = readU32(reader);
    const name = readName(reader, 'a role', length);
    visitBits(reader, valuesMax, (bit) => {
      if (bit + 1 !== value)
        fault(reader, `role \`${name}\` dominates another; roles may dominate themselves only`, at);
    });
    const types = readSet(reader);
    if ((name === names[OBJECT_ROLE]) !== (value === OBJECT_ROLE)) {
      fault(reader, `role \`${name}\` has value ${value}; ${OBJECT_ROLE} is object_r's`, at);
    }
    if (value === OBJECT_ROLE) return;
    declare(reader, kind, valueMax, name, value, false, at);
    roles.push({ value, bounds, types, at });
  });
  for (let value = db.roles.isAttribute.length; value < names.length; value++) {
    db.roles.isAttribute[value] = false;
    db.roles.members[value] = undefined;
    db.roles.bounds[value] = 0;
  }
  return roles;
}

/** Types, attributes and aliases. Answers where each type's entry stands, by value; 0 for none. */
export function readTypes(reader: Reader, db: Policydb): number[] {
  const { types } = db;
  const places = [0];
  const kind = { what: 'type', all: 'types', bytesEach: 17, names: types };
  const readType = (valueMax: number): void => {
    const start = reader.offset;
    const length = readU32(reader);
    const value = readU32(reader);
    const properties = readU32(reader);
    const bounds = readU32(reader);
    const name = readName(reader, 'a type', length);
    if ((properties & ~(TYPE_PRIMARY | TYPE_ATTRIBUTE)) !== 0) {
      fault(reader, `unknown properties ${properties} of type \`${name}\``, start);
    }
    const isAttribute = (properties & TYPE_ATTRIBUTE) !== 0;
    const alias = !isAttribute && (properties & TYPE_PRIMARY) === 0;
    declare(reader, kind, valueMax, name, value, alias, start);
    if (alias) return;
    types.isAttribute[value] = isAttribute;
    types.bounds[value] = bounds;
    places[value] = start;
  };
  // Entries come in any order of their values: arrays with gaps are slow.
  readNamedTable(reader, kind, readType, (valueMax) => {
    lengthen(types.isAttribute, valueMax, false);
    lengthen(types.bounds, valueMax, 0);
    lengthen(types.boundsStatement, valueMax, -1);
    lengthen(types.permissive, valueMax, false);
    lengthen(places, valueMax, 0);
  });
  return places;
}

export function readUsers(reader: Reader, db: Policydb): RawUser[] {
  const users: RawUser[] = [];
  const kind = { what: 'user', all: 'users', bytesEach: 61, names: db.users };
  readNamedTable(reader, kind, (valueMax) => {
    const at = reader.offset;
    const length = readU32(reader);
    const value = readU32(reader);
    // What bounds a user says which users a policy may have; it changes no answer.
    readU32(reader);
    const name = readName(reader, 'a user', length);
    const roles = readSet(reader);
    const range = readRange(reader);
    const level = readLevel(reader);
    declare(reader, kind, valueMax, name, value, false, at);
    users.push({ value, roles, range, level, at });
  });
  return users;
}
