import { accessPresence } from '../policydb/access-table.ts';
import { evaluateCondition } from '../policydb/conditional.ts';
import type { Policydb } from '../policydb/policydb.ts';
import type { Presence } from '../policydb/presence.ts';

/**
 * Where libsepol and the kernel answer differently, whose answer is wanted: the kernel's socket classes, whose new
 * contexts follow the process in the kernel (role, type and range). What the kernel alone answers (rules by file name, the
 * permissive flag, extended permissions) is answered in both, and what neither declares is refused in both.
 */
export type Flavour = 'libsepol' | 'kernel';

/** A database under some values of its booleans: all that a question is put to. */
export interface State {
  readonly db: Policydb;
  readonly flavour: Flavour;
  /** By boolean value. */
  readonly booleans: readonly boolean[];
  /** 1 for every branch that is on: `2c` is the true side of conditional `c`, `2c + 1` the false side. */
  readonly branchOn: Uint8Array;
  readonly presence: Presence;
  /** The value of class `process`, or 0, and the bits of `transition` and `dyntransition`. */
  readonly processClass: number;
  readonly processTransitions: number;
}

export function createState(db: Policydb, flavour: Flavour, booleans: readonly boolean[]): State {
  const branchOn = new Uint8Array(db.conditionals.length * 2);
  db.conditionals.forEach(({ steps }, conditional) => {
    branchOn[conditional * 2 + (evaluateCondition(steps, booleans) ? 0 : 1)] = 1;
  });
  const processClass = db.classes.values.get('process') ?? 0;
  const bits = db.classData[processClass]?.bits;
  const processTransitions = (bits?.get('transition') ?? 0) | (bits?.get('dyntransition') ?? 0);
  const presence = accessPresence(db.access);
  return { db, flavour, booleans, branchOn, presence, processClass, processTransitions };
}
