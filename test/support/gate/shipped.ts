import { buildPolicy } from '../../../policy/build-modules.ts';
import { loadPolicy } from '../../../policy/load.ts';
import type { Policy } from '../../../policy/policy.ts';

/*
 * The shipped policy for tests that change it: without its `#line` marks, so that a rule's line is its line in the text.
 */

const texts = new Map<string, Promise<string>>();

/** The expanded policy of one kind of host, without line marks. */
export function shippedText(host = 'accepting'): Promise<string> {
  const known = texts.get(host);
  if (known !== undefined) return known;
  const text = buildPolicy({ host }).then(({ text: built }) => built.replace(/^#line.*$/gm, ''));
  texts.set(host, text);
  return text;
}

const policies = new Map<string, Policy>();

/** Loads a text that has to be a policy. The same text is loaded once. */
export function loaded(text: string): Policy {
  const known = policies.get(text);
  if (known !== undefined) return known;
  const result = loadPolicy([{ file: 'policy.conf', text }]);
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics, null, 1));
  policies.set(text, result.policy);
  return result.policy;
}

/** The text without the statement that begins on each of the lines. */
export function withoutRules(text: string, rules: readonly { line: number; text: string }[]): string {
  const lines = text.split('\n');
  for (const { line, text: rule } of rules) {
    const found = lines[line - 1];
    if (found === undefined || !found.startsWith(rule.split(/[ :]/)[0] ?? rule) || !found.endsWith(';')) {
      throw new Error(`line ${line} does not hold the rule ${rule}: ${found}`);
    }
    lines[line - 1] = '';
  }
  return lines.join('\n');
}

/** The text without the one line that is exactly this statement. */
export function withoutStatement(text: string, statement: string): string {
  const lines = text.split('\n');
  const at = lines.indexOf(statement);
  if (at < 0 || lines.lastIndexOf(statement) !== at) throw new Error(`not exactly once in the policy: ${statement}`);
  lines[at] = '';
  return lines.join('\n');
}

/** The text with more rules where rules belong. */
export function withRules(text: string, rules: string): string {
  const users = text.indexOf('\nuser system_u');
  if (users < 0) throw new Error('the policy has no users');
  return `${text.slice(0, users)}\n${rules}${text.slice(users)}`;
}
