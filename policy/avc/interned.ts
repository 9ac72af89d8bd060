/** A context as the cache knows it. Its number is never given to another text. */
export interface AvcContext {
  readonly id: number;
  readonly text: string;
}

/** A class and the permissions that are asked for, as bits in the order given, whatever a policy numbers them. */
export interface AvcClass {
  readonly id: number;
  readonly name: string;
  readonly perms: readonly string[];
  /** The bits of some of the permissions together. @throws RangeError for one that is not among them. */
  bits(...perms: readonly string[]): number;
}

/** Numbers for context texts. At most `max` texts are remembered; when full all are forgotten, and get new numbers. */
export function internContexts(max: number): (text: string) => AvcContext {
  const known = new Map<string, AvcContext>();
  let last = 0;
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    if (last === 0x7fffffff) throw new RangeError('the cache has no number left for another context');
    if (known.size >= max) known.clear();
    const context = { id: ++last, text };
    known.set(text, context);
    return context;
  };
}

/** Numbers for classes; a class with the same permissions is the same. */
export function internClasses(): (name: string, perms: readonly string[]) => AvcClass {
  const known = new Map<string, AvcClass>();
  return (name, perms) => {
    if (perms.length > 32) throw new RangeError('a class has at most 32 permissions');
    const key = [name, ...perms].join(' ');
    const found = known.get(key);
    if (found !== undefined) return found;
    const bitOf = new Map(perms.map((perm, index) => [perm, 1 << index]));
    const tclass: AvcClass = {
      id: known.size + 1,
      name,
      perms: [...perms],
      bits(...asked) {
        let bits = 0;
        for (const perm of asked) {
          const bit = bitOf.get(perm);
          if (bit === undefined) throw new RangeError(`class \`${name}\` was mapped without \`${perm}\``);
          bits |= bit;
        }
        return bits;
      },
    };
    known.set(key, tclass);
    return tclass;
  };
}
