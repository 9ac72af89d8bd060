import { createToken, Lexer, type TokenType } from 'chevrotain';

/**
 * The words of the language (policy_scan.l of checkpolicy). A keyword is written all-lower or all-upper; anything
 * between is an identifier. `eq`, `and`, `or`, `not` and `xor` are other spellings of an operator.
 */
const KEYWORDS = [
  'common',
  'class',
  'constrain',
  'validatetrans',
  'inherits',
  'sid',
  'role',
  'roles',
  'roleattribute',
  'attribute_role',
  'types',
  'typealias',
  'typeattribute',
  'typebounds',
  'type',
  'bool',
  'tunable',
  'if',
  'else',
  'alias',
  'attribute',
  'expandattribute',
  'type_transition',
  'type_member',
  'type_change',
  'role_transition',
  'range_transition',
  'sensitivity',
  'dominance',
  'category',
  'level',
  'range',
  'mlsconstrain',
  'mlsvalidatetrans',
  'user',
  'neverallow',
  'allow',
  'auditallow',
  'auditdeny',
  'dontaudit',
  'allowxperm',
  'auditallowxperm',
  'dontauditxperm',
  'neverallowxperm',
  'source',
  'target',
  'sameuser',
  'module',
  'require',
  'optional',
  'true',
  'false',
  'dom',
  'domby',
  'incomp',
  'fscon',
  'ibpkeycon',
  'ibendportcon',
  'portcon',
  'netifcon',
  'nodecon',
  'pirqcon',
  'iomemcon',
  'ioportcon',
  'pcidevicecon',
  'devicetreecon',
  'fs_use_xattr',
  'fs_use_task',
  'fs_use_trans',
  'genfscon',
  'r1',
  'r2',
  'r3',
  'u1',
  'u2',
  'u3',
  't1',
  't2',
  't3',
  'l1',
  'l2',
  'h1',
  'h2',
  'policycap',
  'permissive',
  'default_user',
  'default_role',
  'default_type',
  'default_range',
  'low-high',
  'high',
  'low',
  'glblub',
  'clone',
] as const;

const OPERATORS = {
  equals: ['==', 'eq'],
  notEquals: ['!='],
  and: ['&&', 'and'],
  or: ['||', 'or'],
  not: ['!', 'not'],
  xor: ['^', 'xor'],
} as const;

const PUNCTUATION = {
  comma: ',',
  colon: ':',
  semicolon: ';',
  parenOpen: '(',
  parenClose: ')',
  braceOpen: '{',
} as const;
const PUNCTUATION_MORE = { braceClose: '}', bracketOpen: '[', bracketClose: ']', minus: '-', dot: '.' } as const;
const PUNCTUATION_SETS = { tilde: '~', star: '*' } as const;

const LITERALS = [
  'identifier',
  'number',
  'path',
  'quotedPath',
  'fileName',
  'fileSystem',
  'ipv4',
  'ipv6',
  'versionNumber',
] as const;

export type KeywordName = (typeof KEYWORDS)[number];
type OperatorName = keyof typeof OPERATORS;
type PunctuationName = keyof typeof PUNCTUATION | keyof typeof PUNCTUATION_MORE | keyof typeof PUNCTUATION_SETS;
type LiteralName = (typeof LITERALS)[number];

/** A token's kind is its place in this list; kind 0 means the end of the text. */
const byKind: TokenType[] = [];

function token(name: string, label: string): TokenType {
  const type = createToken({ name: name.toUpperCase(), label, pattern: Lexer.NA });
  byKind.push(type);
  return type;
}

function tokens<N extends string>(labels: Readonly<Record<N, string>>): Readonly<Record<N, TokenType>> {
  const names = Object.keys(labels) as N[];
  return Object.fromEntries(names.map((name) => [name, token(name, labels[name])])) as Record<N, TokenType>;
}

/** Keywords by their lower-case spelling. */
export const keyword = tokens(Object.fromEntries(KEYWORDS.map((word) => [word, word])) as Record<KeywordName, string>);

/** Operators and punctuation. */
export const sign: Readonly<Record<OperatorName | PunctuationName, TokenType>> = {
  ...tokens({ equals: '==', notEquals: '!=', and: '&&', or: '||', not: '!', xor: '^' } satisfies Record<
    OperatorName,
    string
  >),
  ...tokens(PUNCTUATION),
  ...tokens(PUNCTUATION_MORE),
  ...tokens(PUNCTUATION_SETS),
};

/** Everything whose text matters. */
export const literal = tokens(Object.fromEntries(LITERALS.map((name) => [name, name])) as Record<LiteralName, string>);

/** The vocabulary the parser is made with. */
export const vocabulary: TokenType[] = [...byKind];

/** Kind to chevrotain's own number of the token type; index 0 is left for the end of the text. */
export const tokenTypeOfKind: readonly (TokenType | undefined)[] = [undefined, ...byKind];

/** The kind of a token type of this vocabulary. */
export function kindOf(type: TokenType): number {
  return byKind.indexOf(type) + 1;
}

/** Every spelling that is not an identifier, with its kind. */
export const reservedWords: ReadonlyMap<string, number> = new Map([
  ...KEYWORDS.flatMap((word): [string, number][] => bothCases(word, kindOf(keyword[word]))),
  ...(Object.keys(OPERATORS) as OperatorName[]).flatMap((name) =>
    OPERATORS[name].filter((word) => /^[a-z]/.test(word)).flatMap((word) => bothCases(word, kindOf(sign[name]))),
  ),
]);

function bothCases(word: string, kind: number): [string, number][] {
  return [
    [word, kind],
    [word.toUpperCase(), kind],
  ];
}
