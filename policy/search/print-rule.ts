import { formatRange } from '../decide/context-text.ts';
import type { BooleanExpression } from '../language/ast-expressions.ts';
import { printCondition } from '../language/print-expression.ts';
import { UNCONDITIONAL } from '../policydb/access-table.ts';
import type { Policydb } from '../policydb/policydb.ts';
import type { Commands } from '../policydb/xperm-table.ts';
import type { ListedRule } from './listed-rule.ts';

/** A rule in policy syntax, without the condition it stands under. Permissions are sorted. */
export function printRule(db: Policydb, rule: ListedRule): string {
  const { types, roles, classes } = db;
  if (rule.kind === 'role_allow') return `allow ${roles.names[rule.source]} ${roles.names[rule.target]};`;
  const source = rule.kind === 'role_transition' ? roles.names[rule.source] : types.names[rule.source];
  const key = `${rule.kind} ${source} ${types.names[rule.target]}:${classes.names[rule.tclass]}`;
  return `${key} ${printResult(db, rule)};`;
}

function printResult(db: Policydb, { kind, tclass, perms, result, fileName, commands }: ListedRule): string {
  if (commands !== undefined) return `${printPerms(permNames(db, tclass, perms))} ${printCommands(commands)}`;
  if (result === undefined) return printPerms(permNames(db, tclass, perms));
  if (typeof result !== 'number') return db.mls === undefined ? '' : formatRange(db.mls, result, ' - ');
  const name = (kind === 'role_transition' ? db.roles : db.types).names[result] ?? '';
  return fileName === undefined ? name : `${name} "${fileName}"`;
}

/** Commands as setools writes them: `0x0010`, `{ 0x0010-0x0020 0x0030 }`. */
function printCommands(commands: Commands): string {
  const hex = (command: number | undefined): string => `0x${(command ?? 0).toString(16).padStart(4, '0')}`;
  const ranges = Array.from({ length: commands.length / 2 }, (_, at) => {
    const [low, high] = [commands[at * 2], commands[at * 2 + 1]];
    return low === high ? hex(low) : `${hex(low)}-${hex(high)}`;
  });
  const [first] = ranges;
  return ranges.length === 1 && first !== undefined && !first.includes('-') ? first : `{ ${ranges.join(' ')} }`;
}

/** The names of permissions of the class, sorted. */
export function permNames(db: Policydb, tclass: number, perms: number): string[] {
  return (db.classData[tclass]?.perms ?? []).filter((_, bit) => (perms & (1 << bit)) !== 0).sort();
}

/** One name as it is, several in braces. */
export function printPerms(names: readonly string[]): string {
  return names.length === 1 && names[0] !== undefined ? names[0] : `{ ${names.join(' ')} }`;
}

/** The condition a rule stands under, and on which side: ` [ a && b ]:True`, as setools writes it; nothing outside. */
export function printBranch(db: Policydb, branch: number): string {
  if (branch === UNCONDITIONAL) return '';
  return ` [ ${printSteps(db, branch >> 1)} ]:${(branch & 1) === 0 ? 'True' : 'False'}`;
}

function printSteps(db: Policydb, conditional: number): string {
  const steps = db.conditionals[conditional]?.steps ?? [];
  const terms: BooleanExpression = steps.map((step) =>
    typeof step === 'number' ? { op: 'bool', name: db.booleans.names[step] ?? '' } : { op: step },
  );
  return printCondition(terms);
}
