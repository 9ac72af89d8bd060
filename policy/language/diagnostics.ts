import type { Diagnostic } from '../policy.ts';
import type { Span } from './ast.ts';
import type { SourceText } from './source.ts';

/** Collects what the loader finds, up to a limit. */
export interface Diagnostics {
  /** In the order of the stages, and of the source in each. */
  readonly found: readonly Diagnostic[];
  readonly errors: number;
  /** What is found from now on comes after what was found before, wherever it stands. */
  nextStage(): void;
  /** Notes an error at the span, or at the first place in it where `name` stands as a word of its own. */
  error(span: Span, message: string, options?: { readonly hint?: string; readonly name?: string }): void;
  /** `file:line` of the span's start. */
  placeOf(span: Span): string;
  warn(span: Span, message: string, options?: { readonly hint?: string; readonly name?: string }): void;
}

/** More errors than this are counted and not kept. */
export const diagnosticsMax = 100;

export function createDiagnostics(source: SourceText): Diagnostics {
  const found: { readonly stage: number; readonly offset: number; readonly diagnostic: Diagnostic }[] = [];
  let errors = 0;
  let stage = 0;
  const add = (
    severity: Diagnostic['severity'],
    span: Span,
    message: string,
    options?: { hint?: string; name?: string },
  ) => {
    if (severity === 'error') errors++;
    if (found.length >= diagnosticsMax) return;
    const { start, end } = options?.name === undefined ? span : spanOfName(source.text, span, options.name);
    const from = source.locate(start);
    const { file, line, column } = from;
    const hint = options?.hint === undefined ? {} : { hint: options.hint };
    const length = Math.max(0, Math.min(end, source.text.length) - start);
    const at = { start: from.offset, end: from.offset + length };
    found.push({ stage, offset: start, diagnostic: { severity, file, line, column, span: at, message, ...hint } });
  };
  return {
    get found() {
      found.sort((one, other) => one.stage - other.stage || one.offset - other.offset);
      return found.map(({ diagnostic }) => diagnostic);
    },
    nextStage: () => void stage++,
    get errors() {
      return errors;
    },
    error: (span, message, options) => add('error', span, message, options),
    placeOf({ start }) {
      const { file, line } = source.locate(start);
      return `${file}:${line}`;
    },
    warn: (span, message, options) => add('warning', span, message, options),
  };
}

/** Takes everything and tells nothing. */
export const SILENT: Diagnostics = {
  found: [],
  errors: 0,
  nextStage: () => undefined,
  error: () => undefined,
  placeOf: () => '',
  warn: () => undefined,
};

/** Names carry no position of their own; when one is wrong its statement is searched for it. */
function spanOfName(text: string, span: Span, name: string): Span {
  for (let at = text.indexOf(name, span.start); at >= 0 && at < span.end; at = text.indexOf(name, at + 1)) {
    const alone = !isNameChar(text.charAt(at - 1)) && !isNameChar(text.charAt(at + name.length));
    if (alone) return { start: at, end: at + name.length };
  }
  return span;
}

function isNameChar(char: string): boolean {
  return /^[A-Za-z0-9_.-]$/.test(char);
}
