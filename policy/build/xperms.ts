import type { XpermRule } from '../language/ast.ts';
import { bitmapOf } from '../policydb/bitmap.ts';
import {
  addXpermRule,
  type Commands,
  XPERM_ALLOW,
  XPERM_AUDITALLOW,
  XPERM_DONTAUDIT,
  type XpermKind,
} from '../policydb/xperm-table.ts';
import { type Build, mayExpand } from './builder.ts';
import { eachPair, rowsOf, ruleEnds } from './rules.ts';
import { plainSet } from './sets.ts';

const KINDS: Readonly<Record<Exclude<XpermRule['rule'], 'neverallowxperm'>, XpermKind>> = {
  allowxperm: XPERM_ALLOW,
  auditallowxperm: XPERM_AUDITALLOW,
  dontauditxperm: XPERM_DONTAUDIT,
};
const COMMAND_MAX = 0xffff;

/** A rule about the commands of `ioctl`; attributes stay as they are, as in other access rules. */
export function resolveXpermRule(build: Build, rule: XpermRule, statement: number): void {
  const { db } = build;
  const never = rule.rule === 'neverallowxperm';
  const ends = ruleEnds(build, rule, { starAllowed: never, expandAll: never });
  const classes = plainSet(build, rule, rule.classes, 'class');
  if (ends === undefined || classes === undefined) return;
  const operations = classes.map((tclass) => operationOf(build, rule, tclass));
  if (rule.operation !== 'ioctl') {
    build.report.error(rule, `\`${rule.operation}\` has no extended permissions`, {
      name: rule.operation,
      hint: 'only the commands of `ioctl` can be ruled',
    });
  }
  const list = commandsOf(build, rule);
  if (operations.includes(undefined) || list === undefined) return;
  if (rule.rule === 'neverallowxperm') {
    const perms = new Map(classes.map((tclass, index) => [tclass, operations[index] ?? 0]));
    const typesMax = db.types.names.length - 1;
    if (!mayExpand(build, rule, typesMax >>> 4)) return;
    const [sources, targets] = [bitmapOf(typesMax, ends.sources), bitmapOf(typesMax, ends.targets)];
    db.neverallowXperms.push({ sources, targets, self: ends.self, perms, statement, commands: list });
    return;
  }
  if (!mayExpand(build, rule, rowsOf(ends) * classes.length)) return;
  const kind = KINDS[rule.rule];
  const number = db.xperms.lists.push(list) - 1;
  classes.forEach((tclass, index) => {
    const entry = { kind, operation: operations[index] ?? 0, list: number, statement };
    eachPair(ends, (source, target) => addXpermRule(db.xperms, source, target, tclass, entry));
  });
}

function operationOf(build: Build, rule: XpermRule, tclass: number): number | undefined {
  const datum = build.db.classData[tclass];
  const bit = datum?.bits.get(rule.operation);
  if (bit === undefined && datum !== undefined) {
    const hint = `the class has: ${datum.perms.join(' ')}`;
    const message = `permission \`${rule.operation}\` is not defined for class \`${datum.name}\``;
    build.report.error(rule, message, { name: rule.operation, hint });
  }
  return bit;
}

/** Sorts and joins the ranges, and turns them around for `~`. Undefined after an error. */
function commandsOf(build: Build, rule: XpermRule): Commands | undefined {
  const ranges: { low: number; high: number }[] = [];
  for (const { low, high } of rule.xperms.ranges) {
    if (high > COMMAND_MAX) {
      build.report.warn(rule, 'a command has 16 bits; the higher ones are ignored', { hint: 'write the low 16 bits' });
    }
    const range = { low: low % (COMMAND_MAX + 1), high: high % (COMMAND_MAX + 1) };
    if (range.high < range.low) {
      build.report.error(rule, 'a range of commands runs backwards', { hint: 'write the lower command first' });
      return undefined;
    }
    ranges.push(range);
  }
  ranges.sort((one, other) => one.low - other.low);
  const joined: number[] = [];
  for (const { low, high } of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && low <= last + 1) joined[joined.length - 1] = Math.max(last, high);
    else joined.push(low, high);
  }
  return Uint16Array.from(rule.xperms.form === 'list' ? joined : gaps(joined));
}

/** The ranges between those given. */
function gaps(ranges: readonly number[]): number[] {
  const found: number[] = [];
  let from = 0;
  for (let at = 0; at < ranges.length; at += 2) {
    const low = ranges[at] ?? 0;
    if (low > from) found.push(from, low - 1);
    from = (ranges[at + 1] ?? 0) + 1;
  }
  if (from <= COMMAND_MAX) found.push(from, COMMAND_MAX);
  return found;
}
