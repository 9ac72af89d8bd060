import type { RangeTransition, User } from '../language/ast.ts';
import { createBitmap, setBit, uniteInto } from '../policydb/bitmap.ts';
import { dominates, NO_RANGE, sameLevel } from '../policydb/context.ts';
import { tripleKey, type UserDatum } from '../policydb/policydb.ts';
import { type Build, mayExpand, newValue, type PendingUser } from './builder.ts';
import { levelNames, levelValue, rangeValue } from './mls.ts';
import { expandRoles, transitionClasses } from './roles.ts';
import { mayDeclareHere, noteDeclared } from './scopes.ts';
import { plainSet, typeSet } from './sets.ts';

/** `user`: names a user, or adds roles to one that is there. */
export function resolveUser(build: Build, statement: User): void {
  const { users } = build.db;
  if (!mayDeclareHere(build, statement, 'user', statement.name)) return;
  const roles = plainSet(build, statement, statement.roles, 'role');
  if (roles === undefined) return;
  if (build.db.mls === undefined && statement.range !== undefined) {
    build.report.error(statement, 'a level and range in a policy without MLS', {
      hint: 'remove them, or add the MLS section',
    });
    return;
  }
  if (build.db.mls !== undefined && statement.range === undefined) {
    build.report.error(statement, `user \`${statement.name}\` has no level and range`, {
      hint: 'add `level LEVEL range LOW - HIGH`',
    });
    return;
  }
  const known = users.values.get(statement.name);
  const value = known ?? newValue(build, users, statement, 'user', statement.name);
  if (value === 0) return;
  noteDeclared(build, users, statement.name, known === undefined);
  if (build.block.parent !== undefined) {
    const { level, range } = statement;
    build.pending.localUsers.push({ value, statement, roles: new Set(roles), level, range });
    return;
  }
  const before = build.pending.users.get(value);
  const all = new Set([...(before?.roles ?? []), ...roles]);
  build.pending.users.set(value, { statement, roles: all, ...merged(before, statement) });
}

/** Checkpolicy lets a later statement set the sensitivities and adds its categories to the earlier ones. */
function merged(before: PendingUser | undefined, statement: User): Pick<PendingUser, 'level' | 'range'> {
  const { level, range } = statement;
  if (before?.level === undefined || before.range === undefined || level === undefined || range === undefined) {
    return { level, range };
  }
  const categoriesOf = (name: { readonly categories: readonly string[] } | undefined) => name?.categories ?? [];
  const high = range.high ?? range.low;
  const oldHigh = before.range.high ?? before.range.low;
  return {
    level: { ...level, categories: [...categoriesOf(before.level), ...level.categories] },
    range: {
      low: { ...range.low, categories: [...before.range.low.categories, ...range.low.categories] },
      high: { ...high, categories: [...oldHigh.categories, ...high.categories] },
    },
  };
}

/** Makes users of what all statements about each say. */
export function finishUsers(build: Build): void {
  const { userData } = build.db;
  for (const [value, pending] of build.pending.users) {
    const datum = userDatum(build, pending);
    if (datum !== undefined) userData[value] = datum;
  }
  for (const { value, ...pending } of build.pending.localUsers) {
    const datum = userDatum(build, pending);
    const whole = userData[value];
    if (datum === undefined) continue;
    if (whole === undefined ? build.db.mls !== undefined : !sameClearance(whole, datum)) {
      const { name } = pending.statement;
      build.report.error(pending.statement, `user \`${name}\` has another level or range outside of optionals`, {
        name,
        hint: 'name the user outside of optionals too, and give it the same level and range here',
      });
    } else if (whole === undefined) {
      userData[value] = datum;
    } else {
      uniteInto(whole.roles, datum.roles);
    }
  }
}

function userDatum(build: Build, { statement, roles, level, range }: PendingUser): UserDatum | undefined {
  const bitmap = createBitmap(build.db.roles.names.length - 1);
  for (const role of expandRoles(build, [...roles])) setBit(bitmap, role);
  const within = range === undefined ? NO_RANGE : rangeValue(build, statement, range);
  const at = level === undefined ? NO_RANGE.low : levelValue(build, statement, level);
  if (within === undefined || at === undefined) return undefined;
  if (dominates(at, within.low) && dominates(within.high, at)) return { roles: bitmap, level: at, range: within };
  const hint = 'the level must lie between the ends of the range';
  build.report.error(statement, `the level of user \`${statement.name}\` is outside its range`, { hint });
  return undefined;
}

function sameClearance(left: UserDatum, right: UserDatum): boolean {
  return (
    sameLevel(left.level, right.level) &&
    sameLevel(left.range.low, right.range.low) &&
    sameLevel(left.range.high, right.range.high)
  );
}

/** `range_transition`; a class that is not named is `process`. */
export function resolveRangeTransition(build: Build, statement: RangeTransition, number: number): void {
  const { db, report } = build;
  if (db.mls === undefined) {
    report.error(statement, 'a range transition in a policy without MLS', {
      hint: 'remove it, or add the MLS section',
    });
    return;
  }
  const sources = typeSet(build, statement, statement.source, { expand: true });
  const targets = typeSet(build, statement, statement.target, { expand: true });
  const classes = transitionClasses(build, statement, statement.classes);
  if (sources === undefined || targets === undefined || classes === undefined) return;
  // Checkpolicy looks up the names of the range in any case, and looks at the range itself once per pair.
  if (build.dry || sources.length * targets.length * classes.length === 0) {
    for (const level of [statement.range.low, statement.range.high ?? statement.range.low])
      levelNames(build, statement, level);
    return;
  }
  const range = rangeValue(build, statement, statement.range);
  if (range === undefined) return;
  if (!mayExpand(build, statement, sources.length * targets.length * classes.length)) return;
  for (const source of sources) {
    for (const target of targets) {
      for (const tclass of classes) {
        const key = tripleKey(source, target, tclass);
        const before = db.rangeTransitions.get(key)?.value;
        if (before !== undefined && !(sameLevel(before.low, range.low) && sameLevel(before.high, range.high))) {
          const of = `${db.types.names[source] ?? ''} ${db.types.names[target] ?? ''}:${db.classes.names[tclass] ?? ''}`;
          report.error(statement, `a different range transition for \`${of}\` is already given`, {
            hint: 'remove one of the rules',
          });
          return;
        }
        if (before === undefined) db.rangeTransitions.set(key, { value: range, statement: number });
      }
    }
  }
}
