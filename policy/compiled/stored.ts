import type { Bitmap } from '../policydb/bitmap.ts';
import type { Constraint } from '../policydb/constraint.ts';
import { withMembers } from '../policydb/members.ts';
import { type ClassDatum, type Names, permissionBits, type TypeNames } from '../policydb/policydb.ts';

/*
 * What a database has thousands of small objects for, in a form that is read at once. No name has a line feed in it.
 */

export interface StoredNames {
  /** `names`, each on a line. */
  readonly text: string;
  /** Other names of a value. */
  readonly aliases: readonly (readonly [name: string, value: number])[];
}

export interface StoredTypes extends StoredNames {
  readonly attributesOf: TypeNames['attributesOf'];
  readonly attributes: readonly number[];
  readonly permissive: readonly number[];
  readonly bounds: readonly (readonly [type: number, parent: number, statement: number])[];
}

export interface StoredClass extends Omit<ClassDatum, 'perms' | 'bits'> {
  /** Separated by blanks. */
  readonly perms: string;
}

export function storeNames({ names, values }: Names): StoredNames {
  return { text: names.join('\n'), aliases: [...values].filter(([name, value]) => names[value] !== name) };
}

export function restoreNames({ text, aliases }: StoredNames): Names {
  const names = text.split('\n');
  const values = new Map<string, number>();
  for (let value = 1; value < names.length; value++) {
    const name = names[value];
    if (name) values.set(name, value);
  }
  for (const [name, value] of aliases) values.set(name, value);
  return { names, values };
}

export function storeTypes(types: TypeNames): StoredTypes {
  const { names, attributesOf, isAttribute, permissive, bounds, boundsStatement } = types;
  const bounded = bounds.flatMap((parent, type) =>
    parent === 0 ? [] : [[type, parent, boundsStatement[type] ?? -1] as const],
  );
  const where = (flags: readonly boolean[]): number[] =>
    names.flatMap((_, type) => (flags[type] === true ? [type] : []));
  const flags = { attributes: where(isAttribute), permissive: where(permissive) };
  return { ...storeNames(types), attributesOf, ...flags, bounds: bounded };
}

export function restoreTypes(stored: StoredTypes): TypeNames {
  const { attributesOf, attributes, permissive } = stored;
  const { names, values } = restoreNames(stored);
  const flags = (set: readonly number[]): boolean[] => {
    const made = new Array<boolean>(names.length).fill(false);
    for (const type of set) made[type] = true;
    return made;
  };
  const bounds = new Array<number>(names.length).fill(0);
  const boundsStatement = new Array<number>(names.length).fill(-1);
  for (const [type, parent, statement] of stored.bounds) {
    bounds[type] = parent;
    boundsStatement[type] = statement;
  }
  return withMembers({
    names,
    values,
    attributesOf,
    isAttribute: flags(attributes),
    permissive: flags(permissive),
    bounds,
    boundsStatement,
  });
}

/** Classes; constraints that say the same share what they say. */
export function storeClasses(classes: readonly ClassDatum[]): StoredClass[] {
  const numbers = new Map<Bitmap, number>();
  const known = new Map<string, Constraint['steps']>();
  const number = (names: Bitmap): number => numbers.get(names) ?? numbers.set(names, numbers.size).size - 1;
  const shared = (constraint: Constraint): Constraint => {
    const key = constraint.steps
      .map((step) => JSON.stringify('names' in step ? { ...step, names: number(step.names) } : step))
      .join();
    const steps = known.get(key) ?? constraint.steps;
    known.set(key, steps);
    return { ...constraint, steps };
  };
  return classes.map(({ bits: _, perms, constraints, validations, ...others }) => ({
    ...others,
    perms: perms.join(' '),
    constraints: constraints.map(shared),
    validations: validations.map(shared),
  }));
}

export function restoreClasses(stored: readonly StoredClass[]): ClassDatum[] {
  return stored.map((one) => {
    const perms = one.perms === '' ? [] : one.perms.split(' ');
    return { ...one, perms, bits: permissionBits(perms) };
  });
}
