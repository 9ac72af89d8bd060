import type { AvRule, AvRuleKind, NameSet, TypeRule, TypeRuleKind } from '../ast.ts';
import { HASH_START, mixHash } from '../atoms.ts';
import { NO_TOKENS, type Tokens } from '../scan.ts';
import { keyword, kindOf, literal, sign } from '../tokens.ts';

const AV_RULES = ['allow', 'auditallow', 'auditdeny', 'dontaudit'] as const;
const TYPE_RULES = ['type_transition', 'type_change', 'type_member'] as const;
/** By kind of token. */
const avRuleOf: (AvRuleKind | undefined)[] = [];
const typeRuleOf: (TypeRuleKind | undefined)[] = [];
for (const word of AV_RULES) avRuleOf[kindOf(keyword[word])] = word;
for (const word of TYPE_RULES) typeRuleOf[kindOf(keyword[word])] = word;

const IDENTIFIER = kindOf(literal.identifier);
const [COLON, SEMICOLON, MINUS] = [kindOf(sign.colon), kindOf(sign.semicolon), kindOf(sign.minus)];
const [OPEN, CLOSE] = [kindOf(sign.braceOpen), kindOf(sign.braceClose)];
const NONE: readonly string[] = [];

/** Reads rules without asking the grammar. */
export interface Shortcut {
  read(tokens: Tokens): void;
  /** The rule that begins at the token, when it is of the plainest form; `after` is then the token behind it. */
  rule(at: number): AvRule | TypeRule | undefined;
  readonly after: number;
}

/**
 * Nearly all of a policy is `allow a b:c { d e };`, with names and lists of names only. Such rules, and type rules
 * alike, are read here straight from the scanner's columns; anything else, and every error, is left to the grammar,
 * which reads these rules the same. Equal sets become one object, so that what is found out about one is known of all.
 */
export function createShortcut(): Shortcut {
  let tokens = NO_TOKENS;
  let after = 0;
  let singles: NameSet[] = [];
  let lists = createListPool(NO_TOKENS);

  const setAt = (at: number): NameSet | undefined => {
    const { kinds, atoms } = tokens;
    if (kinds[at] === IDENTIFIER) {
      if (kinds[at + 1] === MINUS) return undefined;
      after = at + 1;
      const atom = atoms[at] as number;
      const known = singles[atom];
      if (known !== undefined) return known;
      const made: NameSet = { form: 'list', names: [tokens.atomTexts[atom] ?? ''], except: NONE };
      singles[atom] = made;
      return made;
    }
    if (kinds[at] !== OPEN) return undefined;
    let to = at + 1;
    while (kinds[to] === IDENTIFIER) to++;
    if (kinds[to] !== CLOSE || to === at + 1) return undefined;
    after = to + 1;
    return lists.find(at + 1, to);
  };

  const rule = (at: number): AvRule | TypeRule | undefined => {
    const { kinds } = tokens;
    const first = kinds[at] as number;
    const avRule = avRuleOf[first];
    const typeRule = typeRuleOf[first];
    if (avRule === undefined && typeRule === undefined) return undefined;
    const source = setAt(at + 1);
    if (source === undefined) return undefined;
    const target = setAt(after);
    if (target === undefined || kinds[after] !== COLON) return undefined;
    const classes = setAt(after + 1);
    if (classes === undefined) return undefined;
    const perms = setAt(after);
    if (perms === undefined || kinds[after] !== SEMICOLON) return undefined;
    const start = tokens.starts[at] as number;
    const end = tokens.ends[after] as number;
    if (avRule !== undefined) {
      after++;
      return { kind: 'avRule', rule: avRule, source, target, classes, perms, start, end };
    }
    if (typeRule === undefined || kinds[after - 1] !== IDENTIFIER) return undefined;
    after++;
    return { kind: 'typeRule', rule: typeRule, source, target, classes, type: perms.names[0] ?? '', start, end };
  };

  return {
    read(next) {
      tokens = next;
      singles = [];
      lists = createListPool(next);
    },
    rule,
    get after() {
      return after;
    },
  };
}

/** Sets of several names by the tokens that list them: an open-addressing table over the first place of each. */
function createListPool({ atoms, atomTexts }: Tokens) {
  const sets: NameSet[] = [];
  const hashes: number[] = [];
  const firsts: number[] = [];
  let slots = new Int32Array(1024).fill(-1);

  const sameAt = (set: number, from: number, to: number): boolean => {
    if (sets[set]?.names.length !== to - from) return false;
    const first = firsts[set] as number;
    for (let at = from; at < to; at++) if (atoms[at] !== atoms[first + at - from]) return false;
    return true;
  };
  const grow = (): void => {
    slots = new Int32Array(slots.length * 2).fill(-1);
    hashes.forEach((hash, set) => {
      let slot = hash & (slots.length - 1);
      while ((slots[slot] as number) >= 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = set;
    });
  };
  return {
    /** The set that the tokens from `from` up to and without `to` list. */
    find(from: number, to: number): NameSet {
      let hash = HASH_START;
      for (let at = from; at < to; at++) hash = mixHash(hash, atoms[at] as number);
      hash ^= hash >>> 15;
      let slot = hash & (slots.length - 1);
      for (let set = slots[slot] as number; set >= 0; set = slots[slot] as number) {
        if (hashes[set] === hash && sameAt(set, from, to)) return sets[set] as NameSet;
        slot = (slot + 1) & (slots.length - 1);
      }
      const names: string[] = [];
      for (let at = from; at < to; at++) names.push(atomTexts[atoms[at] as number] ?? '');
      const made: NameSet = { form: 'list', names, except: NONE };
      slots[slot] = sets.push(made) - 1;
      hashes.push(hash);
      firsts.push(from);
      if (sets.length * 2 > slots.length) grow();
      return made;
    },
  };
}
