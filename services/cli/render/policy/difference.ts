import { isEmptyDifference, type PolicyDifference, printAllowed } from '../../../../policy/diff/diff.ts';
import type { Style } from '../style.ts';

/** A line of policy is cut here: a constraint may name every type there is. */
const lineCharsMax = 2000;

/** The difference by domain, what is more before what is less, then the rest. */
export function renderDifference(difference: PolicyDifference, style: Style): string {
  if (isEmptyDifference(difference)) return 'no answer differs\n';
  const more = (text: string): string => `  ${style.good(`+ ${cut(text)}`)}`;
  const less = (text: string): string => `  ${style.bad(`- ${cut(text)}`)}`;
  const lines: string[] = [];
  for (const { domain, more: gained, less: lost } of difference.domains) {
    lines.push(style.bold(domain));
    lines.push(...gained.map((one) => more(printAllowed(domain, one))));
    lines.push(...lost.map((one) => less(printAllowed(domain, one))));
  }
  if (difference.added.length + difference.removed.length > 0) {
    lines.push(style.bold('besides what is allowed:'));
    lines.push(...difference.added.map(more), ...difference.removed.map(less));
  }
  return `${lines.join('\n')}\n`;
}

function cut(text: string): string {
  return text.length > lineCharsMax ? `${text.slice(0, lineCharsMax)}…` : text;
}
