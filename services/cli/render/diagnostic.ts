import type { Diagnostic } from '../../../policy/policy.ts';
import type { Style } from './style.ts';

/**
 * A finding as compilers print it: `file:line:column: error: message`, the line of the source, and a caret under the
 * first character. `line` is the text of that line, where it is at hand.
 */
export function renderDiagnostic(diagnostic: Diagnostic, line: string | undefined, style: Style): string {
  const severity = diagnostic.severity === 'error' ? style.bad('error') : style.warn('warning');
  const at = `${diagnostic.file}:${diagnostic.line}:${diagnostic.column}`;
  let out = `${style.bold(at)}: ${severity}: ${diagnostic.message}\n`;
  if (line !== undefined) {
    // Tabs stay tabs, so that the caret stands under its character at any tab width.
    const before = line.slice(0, diagnostic.column - 1).replace(/[^\t]/g, ' ');
    const length = Math.max(1, Math.min(diagnostic.span.end - diagnostic.span.start, line.length - before.length));
    out += `  ${line}\n  ${before}${style.bad('^'.repeat(length))}\n`;
  }
  return diagnostic.hint === undefined ? out : `${out}  ${style.dim(`hint: ${diagnostic.hint}`)}\n`;
}
