import type { Statement } from './ast.ts';
import { createDiagnostics, type Diagnostics } from './diagnostics.ts';
import { parseStatements } from './grammar/policy.ts';
import { type ScanFault, scan, type Tokens } from './scan.ts';
import { joinSources, type SourceFile, type SourceText } from './source.ts';
import { kindOf, sign } from './tokens.ts';

/** What a source says, before anything in it is looked up. Statements are there even after an error, up to it. */
export interface Parsed {
  readonly source: SourceText;
  readonly statements: readonly Statement[];
  readonly diagnostics: Diagnostics;
}

/** The characters all files of a policy may have together. Debian's whole policy, written out, has 45 million. */
export const sourceCharsMax = 96 * 1024 * 1024;
/** How deep brackets may nest. */
export const nestingMax = 100;

/** What to do about words that begin what other compilers take, or took. */
const HINTS: ReadonlyMap<string, string> = new Map([
  ['module', 'this is a policy module: link it with its base policy and compile the result'],
  ['dominance', 'the order of roles is gone from the language: give each role its types, and compare roles by name'],
]);

/** Scans and parses the files as one policy. Never throws for what is in the text. */
export function parsePolicy(files: readonly SourceFile[]): Parsed {
  let tokens: Tokens | undefined;
  const source = joinSources(files, () => tokens?.marks ?? []);
  const diagnostics = createDiagnostics(source);
  if (source.text.length > sourceCharsMax) {
    const hint = `the limit is ${sourceCharsMax} characters`;
    diagnostics.error({ start: 0, end: 0 }, `the policy has ${source.text.length} characters`, { hint });
    return { source, statements: [], diagnostics };
  }
  tokens = scan(source.text);
  for (const fault of tokens.faults) reportFault(diagnostics, source.text, fault);
  const deep = nestingFault(tokens);
  if (deep !== undefined) {
    const hint = `brackets may nest ${nestingMax} deep`;
    diagnostics.error({ start: deep, end: deep + 1 }, 'brackets are nested too deep', { hint });
  }
  if (diagnostics.errors > 0) return { source, statements: [], diagnostics };
  return { source, statements: parseTokens(tokens, diagnostics), diagnostics };
}

function parseTokens(tokens: Tokens, diagnostics: Diagnostics): readonly Statement[] {
  try {
    const { statements, error } = parseStatements(tokens);
    if (error !== undefined) {
      const found = error.found === '' ? 'the end of the text' : `\`${error.found}\``;
      diagnostics.error(error, `unexpected ${found}`, { hint: HINTS.get(error.found) ?? error.message });
    }
    return statements;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    diagnostics.error({ start: 0, end: 0 }, 'an expression is nested too deep', { hint: 'split the expression' });
    return [];
  }
}

function reportFault(diagnostics: Diagnostics, text: string, fault: ScanFault): void {
  if (fault.reason === 'tokenTooLong') {
    diagnostics.error(fault, 'a word is too long', { hint: 'words have at most 8191 characters' });
    return;
  }
  if (fault.reason === 'tooManyFaults') {
    diagnostics.error(fault, 'too many characters that begin no word', { hint: 'is this a policy source?' });
    return;
  }
  const code = text.charCodeAt(fault.start);
  const shown =
    code > 32 && code < 127
      ? `\`${text.charAt(fault.start)}\``
      : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const hint =
    code === 13 ? 'end lines with a line feed alone' : 'remove the character, or begin the name with a letter';
  diagnostics.error(fault, `unrecognized character ${shown}`, { hint });
}

function nestingFault(tokens: Tokens): number | undefined {
  const open = [kindOf(sign.parenOpen), kindOf(sign.braceOpen)];
  const close = [kindOf(sign.parenClose), kindOf(sign.braceClose)];
  let depth = 0;
  for (let index = 0; index < tokens.count; index++) {
    const kind = tokens.kinds[index] ?? 0;
    if (kind === open[0] || kind === open[1]) depth++;
    else if (kind === close[0] || kind === close[1]) depth = Math.max(0, depth - 1);
    if (depth > nestingMax) return tokens.starts[index];
  }
  return undefined;
}
