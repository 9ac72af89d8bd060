import { createAtoms, HASH_START, mixHash } from './atoms.ts';
import type { LineMark } from './source.ts';
import { kindOf, literal, reservedWords, sign } from './tokens.ts';

/** What the scanner found, one entry per token in each column. `atoms` is set for identifiers only. */
export interface Tokens {
  readonly text: string;
  readonly count: number;
  readonly kinds: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly atoms: Uint32Array;
  readonly atomTexts: readonly string[];
  readonly marks: readonly LineMark[];
  readonly faults: readonly ScanFault[];
}

export const NO_TOKENS: Tokens = {
  text: '',
  count: 0,
  kinds: new Uint8Array(0),
  starts: new Uint32Array(0),
  ends: new Uint32Array(0),
  atoms: new Uint32Array(0),
  atomTexts: [],
  marks: [],
  faults: [],
};

/** Characters that begin no token. */
export interface ScanFault {
  readonly start: number;
  readonly end: number;
  readonly reason: 'character' | 'tokenTooLong' | 'tooManyFaults';
}

const tokenCharsMax = 8191;
const faultsMax = 20;

const IDENTIFIER_KIND = kindOf(literal.identifier);
const IPV6_KIND = kindOf(literal.ipv6);

const CHAR_LETTER = 1;
const CHAR_DIGIT = 2;
const CHAR_BLANK = 3;
const CHAR_SIGN = 4;
/** What an ASCII character begins, and whether it goes on inside an identifier. */
const charClass = new Uint8Array(128);
const inIdentifier = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code);
  if (/[A-Za-z]/.test(char)) charClass[code] = CHAR_LETTER;
  else if (/[0-9]/.test(char)) charClass[code] = CHAR_DIGIT;
  else if (/[ \t\f\n]/.test(char)) charClass[code] = CHAR_BLANK;
  else if (/[,:;(){}[\].~*^-]/.test(char)) charClass[code] = CHAR_SIGN;
  if (/[A-Za-z0-9_-]/.test(char)) inIdentifier[code] = 1;
}

/** The kinds of the signs that are one character and begin no longer word. */
const singles = new Uint8Array(128);
for (const char of [',', ':', ';', '(', ')', '{', '}', '[', ']', '-', '.', '~', '*', '^', '!'] as const) {
  singles[char.charCodeAt(0)] = kindOf(Object.values(sign).find((type) => type.LABEL === char) ?? sign.dot);
}
const doubles = new Map<string, number>([
  ['==', kindOf(sign.equals)],
  ['!=', kindOf(sign.notEquals)],
  ['&&', kindOf(sign.and)],
  ['||', kindOf(sign.or)],
]);

const IPV6 = /[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*/y;
const LINE_MARK = /^#line ([0-9]+)(?: "([^\n]*)")?$/;
/** In the order of policy_scan.l: the longest match wins, the first of equals. */
const NUMERIC: readonly (readonly [RegExp, number])[] = [
  [/[0-9]+|0x[0-9A-Fa-f]+/y, kindOf(literal.number)],
  [/0x[0-9A-Fa-f]+/y, kindOf(literal.number)],
  [/[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*/y, kindOf(literal.fileSystem)],
  [/[0-9]{1,3}(?:\.[0-9]{1,3}){3}/y, kindOf(literal.ipv4)],
  [IPV6, kindOf(literal.ipv6)],
  [/[0-9]+(?:\.[A-Za-z0-9_.]*)?/y, kindOf(literal.versionNumber)],
];
const QUOTED: readonly (readonly [RegExp, number])[] = [
  [/"\/[^"\n]*"/y, kindOf(literal.quotedPath)],
  [/"[^"/\n]+"/y, kindOf(literal.fileName)],
];
const PATH = /\/[^ \n\r\t\f]*/y;

/**
 * Cuts policy text into tokens by the rules of checkpolicy's policy_scan.l: the longest match, `-` and single dots
 * inside identifiers, keywords only all-lower or all-upper. Never throws; what begins no token is a fault.
 */
export function scan(text: string): Tokens {
  const atoms = createAtoms(reservedWords);
  const marks: LineMark[] = [];
  const faults: ScanFault[] = [];
  const wordKinds = atoms.kinds;
  const length = text.length;
  let columns = createColumns(Math.max(64, length >> 2));
  let { kinds, starts, ends, words } = columns;
  let count = 0;
  let at = 0;
  while (at < length && faults.length < faultsMax) {
    const code = text.charCodeAt(at);
    const begins = code < 128 ? charClass[code] : 0;
    if (begins === CHAR_BLANK) {
      at++;
      continue;
    }
    const start = at;
    let kind = 0;
    let word = 0;
    if (begins === CHAR_LETTER) {
      let hash = mixHash(HASH_START, code);
      let next = text.charCodeAt(++at);
      for (;;) {
        if (next < 128 && inIdentifier[next] === 1) hash = mixHash(hash, next);
        else if (next === 46 && goesOn(text, at + 1)) hash = mixHash(hash, next);
        else break;
        next = text.charCodeAt(++at);
      }
      if (next === 58 && at - start <= 4 && matchEnd(IPV6, text, start) > at) {
        at = matchEnd(IPV6, text, start);
        kind = IPV6_KIND;
      } else {
        word = atoms.intern(text, start, at, hash);
        kind = wordKinds[word] ?? IDENTIFIER_KIND;
      }
    } else if (begins === CHAR_SIGN && !(code === 58 && matchEnd(IPV6, text, at) > at)) {
      kind = singles[code] as number;
      at++;
    } else if (code === 35) {
      const lineEnd = endOfLine(text, at);
      if (text.startsWith('#line ', at)) addMark(marks, text.slice(at, lineEnd), at);
      at = lineEnd;
      continue;
    } else {
      const found = begins === CHAR_DIGIT ? longest(NUMERIC, text, at) : other(text, at, code);
      kind = found.kind;
      at = found.end;
    }
    if (kind === 0) {
      faults.push({ start, end: at, reason: 'character' });
      continue;
    }
    if (at - start > tokenCharsMax) faults.push({ start, end: at, reason: 'tokenTooLong' });
    if (count === kinds.length) {
      columns = createColumns(count * 2, columns);
      ({ kinds, starts, ends, words } = columns);
    }
    kinds[count] = kind;
    starts[count] = start;
    ends[count] = at;
    words[count++] = word;
  }
  if (faults.length >= faultsMax) faults.push({ start: at, end: at, reason: 'tooManyFaults' });
  return { text, count, kinds, starts, ends, atoms: words, atomTexts: atoms.texts, marks, faults };
}

function other(text: string, at: number, code: number): { kind: number; end: number } {
  if (code === 58 && matchEnd(IPV6, text, at) > at) return { kind: IPV6_KIND, end: matchEnd(IPV6, text, at) };
  if (code === 34) return longest(QUOTED, text, at);
  if (code === 47) return { kind: kindOf(literal.path), end: matchEnd(PATH, text, at) };
  const double = doubles.get(text.slice(at, at + 2));
  if (double !== undefined) return { kind: double, end: at + 2 };
  return { kind: code < 128 ? (singles[code] ?? 0) : 0, end: at + 1 };
}

function longest(
  patterns: readonly (readonly [RegExp, number])[],
  text: string,
  at: number,
): { kind: number; end: number } {
  let best = { kind: 0, end: at };
  for (const [pattern, kind] of patterns) {
    const end = matchEnd(pattern, text, at);
    if (end > best.end) best = { kind, end };
  }
  return best.kind === 0 ? { kind: 0, end: at + 1 } : best;
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

function goesOn(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code < 128 && inIdentifier[code] === 1;
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function addMark(marks: LineMark[], comment: string, offset: number): void {
  const match = LINE_MARK.exec(comment);
  if (match === null) return;
  const line = Number(match[1]);
  if (!Number.isSafeInteger(line)) return;
  marks.push(match[2] === undefined ? { offset, line } : { offset, line, file: match[2] });
}

interface Columns {
  readonly kinds: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly words: Uint32Array;
}

/** Columns for so many tokens, with those of the shorter ones in them. */
function createColumns(capacity: number, shorter?: Columns): Columns {
  const made = {
    kinds: new Uint8Array(capacity),
    starts: new Uint32Array(capacity),
    ends: new Uint32Array(capacity),
    words: new Uint32Array(capacity),
  };
  if (shorter === undefined) return made;
  made.kinds.set(shorter.kinds);
  made.starts.set(shorter.starts);
  made.ends.set(shorter.ends);
  made.words.set(shorter.words);
  return made;
}
