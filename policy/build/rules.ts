import type { AvRule, NameSet, Span, TypeRule } from '../language/ast.ts';
import { ALLOW, AUDITALLOW, AUDITDENY, addAccess, UNCONDITIONAL, type Vector } from '../policydb/access-table.ts';
import { bitmapOf } from '../policydb/bitmap.ts';
import { tripleKey } from '../policydb/policydb.ts';
import { addTypeRule } from '../policydb/type-table.ts';
import { type Build, mayExpand } from './builder.ts';
import { permissionSet, plainSet, typeSet } from './sets.ts';
import { concreteType } from './types.ts';

/** Source values, target values beside them, and whether each source is also its own target. */
export interface Ends {
  readonly sources: readonly number[];
  readonly targets: readonly number[];
  readonly self: boolean;
}

/**
 * An access vector rule outside (`UNCONDITIONAL`) or inside a branch of a conditional. Attributes stay as they are,
 * except where the set subtracts or the rule says `self`.
 */
export function resolveAvRule(build: Build, rule: AvRule, statement: number, branch = UNCONDITIONAL): void {
  const starAllowed = rule.rule === 'neverallow';
  const ends = ruleEnds(build, rule, { starAllowed, expandAll: starAllowed });
  const classes = plainSet(build, rule, rule.classes, 'class');
  if (ends === undefined || classes === undefined) return;
  const masks = classes.map((tclass) => permissionSet(build, rule, rule.perms, tclass));
  if (masks.includes(undefined)) return;
  if (rule.rule === 'neverallow') {
    const perms = new Map(classes.map((tclass, index) => [tclass, masks[index] ?? 0]));
    const { neverallows, types } = build.db;
    const typesMax = types.names.length - 1;
    if (!mayExpand(build, rule, typesMax >>> 4)) return;
    const [sources, targets] = [bitmapOf(typesMax, ends.sources), bitmapOf(typesMax, ends.targets)];
    if (ends.self && ends.targets.length > 0) warnOfSelf(build, rule);
    neverallows.push({ sources, targets, self: ends.self, perms, statement });
    return;
  }
  if (!mayExpand(build, rule, rowsOf(ends) * classes.length)) return;
  const vector = vectorOf(rule.rule);
  for (let index = 0; index < classes.length; index++) {
    const tclass = classes[index] ?? 0;
    const mask = masks[index] ?? 0;
    const entry = { vector, perms: rule.rule === 'dontaudit' ? ~mask : mask, branch, statement };
    eachPair(ends, (source, target) => addAccess(build.db.access, source, target, tclass, entry));
  }
}

/** libsepol compares each type with itself only, once `self` is among the targets (assertion.c). */
function warnOfSelf(build: Build, rule: Span): void {
  const hint = 'write two rules, one with `self` and one with the other targets';
  build.report.warn(rule, 'beside `self` the other targets have no effect', { name: 'self', hint });
}

function vectorOf(rule: AvRule['rule']): Vector {
  if (rule === 'allow') return ALLOW;
  return rule === 'auditallow' ? AUDITALLOW : AUDITDENY;
}

/**
 * `type_transition`, `type_change` and `type_member`; every one by concrete types. As in libsepol, a pair of types takes
 * its classes from the last one down, and a class that has the rule already ends that pair.
 */
export function resolveTypeRule(build: Build, rule: TypeRule, statement: number, branch = UNCONDITIONAL): void {
  const ends = ruleEnds(build, rule, { starAllowed: false, expandAll: true });
  const classes = plainSet(build, rule, rule.classes, 'class');
  const type = concreteType(build, rule, rule.type);
  if (ends === undefined || classes === undefined || type === 0) return;
  if (!mayExpand(build, rule, rowsOf(ends) * classes.length)) return;
  let [stopped, left] = [false, false];
  eachPair(ends, (source, target) => {
    for (let index = classes.length - 1; index >= 0 && !stopped; index--) {
      const tclass = classes[index] ?? 0;
      const outcome = addOne(build, rule, { source, target, tclass, type, branch, statement });
      stopped = outcome === 'wrong';
      if (outcome === 'same' && rule.fileName === undefined) {
        left ||= index > 0;
        return;
      }
    }
  });
  if (left) warnOfClasses(build, rule);
}

/** libsepol is done with a pair of types where it finds the same rule for one class (expand.c). */
function warnOfClasses(build: Build, rule: Span): void {
  const hint = 'write one rule for each class, or take out what is given already';
  build.report.warn(rule, 'where one class has this rule already, those declared before it are left out', { hint });
}

interface OneTypeRule {
  readonly source: number;
  readonly target: number;
  readonly tclass: number;
  readonly type: number;
  readonly branch: number;
  readonly statement: number;
}

function addOne(build: Build, rule: TypeRule, one: OneTypeRule): 'added' | 'same' | 'wrong' {
  const { db, report } = build;
  const key = `${db.types.names[one.source]} ${db.types.names[one.target]}:${db.classes.names[one.tclass]}`;
  if (rule.fileName !== undefined) {
    const rules = db.fileNameRules.get(rule.fileName) ?? new Map();
    db.fileNameRules.set(rule.fileName, rules);
    const number = tripleKey(one.source, one.target, one.tclass);
    const before = rules.get(number);
    if (before !== undefined) {
      const agrees = build.reportTwice === undefined && before.value === one.type;
      const message = `a rule for \`${key}\` and this file name is already given`;
      if (!agrees) (build.reportTwice ?? report).error(rule, message, { hint: 'remove one of the rules' });
      return agrees ? 'same' : 'wrong';
    }
    rules.set(number, { value: one.type, statement: one.statement });
    return 'added';
  }
  const added = addTypeRule(db.typeRules[rule.rule], one.source, one.target, one.tclass, one);
  if (added.outcome === 'added' || added.outcome === 'same') return added.outcome;
  const old = db.types.names[added.type] ?? '';
  const message =
    added.outcome === 'conflict'
      ? `conflicting ${rule.rule} for \`${key}\``
      : `${rule.rule} for \`${key}\` is given twice`;
  report.error(rule, message, { hint: `another rule says \`${old}\`; keep one of the two` });
  return 'wrong';
}

export function ruleEnds(
  build: Build,
  rule: Span & { readonly source: NameSet; readonly target: NameSet },
  { starAllowed, expandAll }: { readonly starAllowed: boolean; readonly expandAll: boolean },
): Ends | undefined {
  if (rule.target.except.includes('self')) {
    build.report.error(rule, '`-self` is not supported', { hint: 'write the rule without it, once per type' });
    return undefined;
  }
  const self = rule.target.names.includes('self');
  const expand = expandAll || self;
  const others = self ? { ...rule.target, names: rule.target.names.filter((name) => name !== 'self') } : rule.target;
  const sources = typeSet(build, rule, rule.source, { starAllowed, expand });
  const targets =
    self && others.names.length === 0 && others.form === 'list'
      ? []
      : typeSet(build, rule, others, { starAllowed, expand });
  return sources === undefined || targets === undefined ? undefined : { sources, targets, self };
}

export function rowsOf({ sources, targets, self }: Ends): number {
  return sources.length * (targets.length + (self ? 1 : 0));
}

export function eachPair({ sources, targets, self }: Ends, visit: (source: number, target: number) => void): void {
  for (const source of sources) {
    if (self) visit(source, source);
    for (const target of targets) visit(source, target);
  }
}
