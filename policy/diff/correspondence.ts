import type { Policydb } from '../policydb/policydb.ts';

/** How the values of one policy are found in another, by name. 0 where there is none. */
export interface Correspondence {
  readonly types: Int32Array;
  readonly classes: Int32Array;
  /** The permissions of a class of the other policy as bits of the class here; `tclass` is the class here. */
  permsHere(tclass: number, permsThere: number): number;
}

/** A type here and an attribute of the same name there are not the same. */
export function correspond(here: Policydb, there: Policydb): Correspondence {
  const types = Int32Array.from(here.types.names, (name, value) => {
    const other = there.types.values.get(name) ?? 0;
    const same = there.types.names[other] === name && there.types.isAttribute[other] === here.types.isAttribute[value];
    return same ? other : 0;
  });
  const classes = Int32Array.from(here.classes.names, (name) => there.classes.values.get(name) ?? 0);
  const bits = here.classData.map((datum, tclass) =>
    (there.classData[classes[tclass] ?? 0]?.perms ?? []).map((perm) => datum?.bits.get(perm) ?? 0),
  );
  return {
    types,
    classes,
    permsHere(tclass, permsThere) {
      let perms = 0;
      bits[tclass]?.forEach((bit, at) => {
        if ((permsThere & (1 << at)) !== 0) perms |= bit;
      });
      return perms;
    },
  };
}
