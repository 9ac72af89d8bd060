import type {
  Category,
  Dominance,
  Level,
  LevelName,
  RangeName,
  Sensitivity,
  Span,
  Statement,
} from '../language/ast.ts';
import { type Bitmap, createBitmap, hasBit, setBit } from '../policydb/bitmap.ts';
import { dominates, type Level as LevelValue, NO_RANGE, type Range } from '../policydb/context.ts';
import { createNames, type Mls } from '../policydb/policydb.ts';
import { type Build, declareAlias, declareName, type Handlers, withoutDot } from './builder.ts';

/** Sensitivities, their order, categories and levels. A policy is an MLS policy when it has this section. */
export const mlsDeclarations: Handlers = {
  sensitivity: declareSensitivity,
  dominance: declareDominance,
  category: declareCategory,
  level: declareLevel,
};

/**
 * Sensitivities keep their declared order until `dominance` renumbers them, so that a value is a place in the order.
 */
function declareSensitivity(build: Build, statement: Sensitivity): void {
  const { sensitivities } = mlsOf(build);
  if (!withoutDot(build, statement, 'sensitivity', statement.name)) return;
  const value = declareName(build, sensitivities, statement, 'sensitivity', statement.name);
  for (const alias of statement.aliases) {
    if (value !== 0 && withoutDot(build, statement, 'sensitivity alias', alias)) {
      declareAlias(build, sensitivities, statement, 'sensitivity', alias, value);
    }
  }
}

function declareDominance(build: Build, statement: Dominance): void {
  const { sensitivities } = mlsOf(build);
  const placeOf = new Map<number, number>();
  for (const name of statement.names) {
    const value = sensitivities.values.get(name);
    if (value === undefined) {
      build.report.error(statement, `unknown sensitivity \`${name}\``, { name, hint: 'declare the sensitivity first' });
      return;
    }
    if (placeOf.has(value)) {
      build.report.error(statement, `sensitivity \`${name}\` stands twice in the order`, {
        name,
        hint: 'remove one of them',
      });
      return;
    }
    placeOf.set(value, placeOf.size + 1);
  }
  const missing = sensitivities.names.find((name, value) => value > 0 && name !== '' && !placeOf.has(value));
  if (missing !== undefined) {
    build.report.error(statement, `sensitivity \`${missing}\` is not in the order`, {
      hint: 'list every sensitivity, lowest first',
    });
    return;
  }
  const old = [...sensitivities.names];
  for (const [value, place] of placeOf) sensitivities.names[place] = old[value] ?? '';
  for (const [name, value] of sensitivities.values) sensitivities.values.set(name, placeOf.get(value) ?? value);
}

function declareCategory(build: Build, statement: Category): void {
  const { categories } = mlsOf(build);
  if (!withoutDot(build, statement, 'category', statement.name)) return;
  const value = declareName(build, categories, statement, 'category', statement.name);
  for (const alias of statement.aliases) {
    if (value !== 0 && withoutDot(build, statement, 'category alias', alias)) {
      declareAlias(build, categories, statement, 'category', alias, value);
    }
  }
}

function declareLevel(build: Build, statement: Level): void {
  const mls = mlsOf(build);
  const { sensitivity, categories } = statement.level;
  const value = mls.sensitivities.values.get(sensitivity);
  if (value === undefined) {
    build.report.error(statement, `unknown sensitivity \`${sensitivity}\``, {
      name: sensitivity,
      hint: 'declare the sensitivity first',
    });
    return;
  }
  const before = mls.legal[value];
  if (before?.some((word) => word !== 0) === true) {
    build.report.error(statement, `sensitivity \`${sensitivity}\` has two levels`, {
      name: sensitivity,
      hint: 'join their categories',
    });
    return;
  }
  const found = categorySet(build, statement, categories);
  if (found !== undefined) mls.legal[value] = found;
}

/** Every sensitivity needs a level. */
export function checkLevels(build: Build, statements: readonly Statement[]): void {
  const { mls } = build.db;
  if (mls === undefined) return;
  const missing = mls.sensitivities.names.find((_, value) => value > 0 && mls.legal[value] === undefined);
  const where = statements.find((statement) => statement.kind === 'dominance');
  if (missing === undefined || where === undefined || build.report.errors > 0) return;
  build.report.error(where, `sensitivity \`${missing}\` has no level`, {
    name: missing,
    hint: `add \`level ${missing};\``,
  });
}

/** The categories of a comma list with ranges (`c0.c3`), or undefined after an error. */
export function categorySet(build: Build, span: Span, names: readonly string[]): Bitmap | undefined {
  const { categories } = mlsOf(build);
  const found = createBitmap(categories.names.length - 1);
  for (const name of names) {
    const dot = name.indexOf('.');
    const ends = dot < 0 ? [name, name] : [name.slice(0, dot), name.slice(dot + 1)];
    const [first, last] = ends.map((end) => categories.values.get(end));
    if (first === undefined || last === undefined) {
      build.report.error(span, `unknown category in \`${name}\``, {
        name,
        hint: 'declare the category, or correct the name',
      });
      return undefined;
    }
    if (last < first) {
      build.report.error(span, `the category range \`${name}\` runs backwards`, {
        name,
        hint: 'write the lower category first',
      });
      return undefined;
    }
    for (let category = first; category <= last; category++) setBit(found, category);
  }
  return found;
}

/** The values of a level's names, whether or not they go together; undefined after an error. */
export function levelNames(build: Build, span: Span, level: LevelName): LevelValue | undefined {
  const sensitivity = mlsOf(build).sensitivities.values.get(level.sensitivity);
  if (sensitivity === undefined) {
    const name = level.sensitivity;
    const hint = 'declare it; a range is written `low - high`, with spaces';
    build.report.error(span, `unknown sensitivity \`${name}\``, { name, hint });
    return undefined;
  }
  const categories = categorySet(build, span, level.categories);
  return categories === undefined ? undefined : { sensitivity, categories };
}

/** The value of a level whose categories go with its sensitivity, or undefined after an error. */
export function levelValue(build: Build, span: Span, level: LevelName): LevelValue | undefined {
  const mls = mlsOf(build);
  const named = levelNames(build, span, level);
  if (named === undefined) return undefined;
  const { sensitivity, categories } = named;
  const legal = mls.legal[sensitivity] ?? createBitmap(0);
  for (let category = 1; category < mls.categories.names.length; category++) {
    if (!hasBit(categories, category) || hasBit(legal, category)) continue;
    const name = mls.categories.names[category] ?? '';
    build.report.error(span, `category \`${name}\` does not go with sensitivity \`${level.sensitivity}\``, {
      hint: 'add it to the level of the sensitivity',
    });
    return undefined;
  }
  return named;
}

/** The value of a range whose high end dominates its low end; without MLS the empty one. Undefined after an error. */
export function rangeValue(build: Build, span: Span, range: RangeName): Range | undefined {
  if (build.db.mls === undefined) return NO_RANGE;
  const low = levelValue(build, span, range.low);
  const high = range.high === undefined ? low : levelValue(build, span, range.high);
  if (low === undefined || high === undefined) return undefined;
  if (dominates(high, low)) return { low, high };
  build.report.error(span, 'the high level of the range does not dominate the low one', {
    hint: 'swap the levels, or add the missing categories',
  });
  return undefined;
}

function mlsOf(build: Build): Mls {
  build.db.mls ??= { sensitivities: createNames(), categories: createNames(), legal: [] };
  return build.db.mls;
}
