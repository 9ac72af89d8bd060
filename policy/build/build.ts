import { checkBounds } from '../check/bounds.ts';
import { checkNeverallows } from '../check/neverallow.ts';
import type { Statement } from '../language/ast.ts';
import type { Diagnostics } from '../language/diagnostics.ts';
import type { Parsed } from '../language/parse.ts';
import { createPolicydb, type Policydb } from '../policydb/policydb.ts';
import type { Build, Handlers } from './builder.ts';
import { accessDeclarations, defaultRules } from './classes.ts';
import { resolveConditional } from './conditionals.ts';
import { constraintRules } from './constraints.ts';
import { resolveSidContext } from './contexts.ts';
import { labelRules } from './labels.ts';
import { checkLevels, mlsDeclarations } from './mls.ts';
import { finishRoles, roleDeclarations, roleRules } from './roles.ts';
import { resolveAvRule, resolveTypeRule } from './rules.ts';
import { finishTypes, typeDeclarations, typeRules } from './types.ts';
import { finishUsers, resolveRangeTransition, resolveUser } from './users.ts';

/** Pass 1: what the statements declare, in source order, since a declaration may only name what stands before it. */
const declarations: Handlers = { ...accessDeclarations, ...mlsDeclarations, ...typeDeclarations, ...roleDeclarations };

/** Pass 2: what the statements say about what is declared anywhere. */
const resolutions: Handlers = {
  ...defaultRules,
  ...typeRules,
  ...roleRules,
  ...constraintRules,
  avRule: (build, statement, number) => resolveAvRule(build, statement, number),
  typeRule: (build, statement, number) => resolveTypeRule(build, statement, number),
  range_transition: resolveRangeTransition,
  user: resolveUser,
};

/** Pass 3: what needs roles and users complete; and conditional rules, which must see every unconditional one. */
const completions: Handlers = { if: resolveConditional, sidContext: resolveSidContext, ...labelRules };

/**
 * Makes the database of a parsed policy, in the two passes of checkpolicy. Answers undefined when anything is wrong;
 * what it is stands in the diagnostics.
 */
export function buildPolicydb(parsed: Parsed): Policydb | undefined {
  const { statements, diagnostics } = parsed;
  if (diagnostics.errors > 0) return undefined;
  const db = createPolicydb();
  for (const { start, end } of statements) {
    db.spans.starts.push(start);
    db.spans.ends.push(end);
  }
  const build: Build = {
    db,
    report: diagnostics,
    pending: {
      roleTypes: new Map(),
      users: new Map(),
      conditionals: new Map(),
      labels: new Set(),
      ports: new Map(),
    },
    expanded: 0,
  };
  runPass(build, statements, declarations);
  checkLevels(build, statements);
  if (failed(diagnostics)) return undefined;
  finishTypes(build);
  runPass(build, statements, resolutions);
  if (failed(diagnostics)) return undefined;
  finishRoles(build);
  finishUsers(build);
  runPass(build, statements, completions);
  if (!failed(diagnostics)) checkBounds(build);
  if (!failed(diagnostics)) checkNeverallows(build);
  return failed(diagnostics) ? undefined : db;
}

function runPass(build: Build, statements: readonly Statement[], handlers: Handlers): void {
  const table = handlers as Record<string, ((build: Build, statement: Statement, number: number) => void) | undefined>;
  for (let number = 0; number < statements.length; number++) {
    const statement = statements[number];
    if (statement !== undefined) table[statement.kind]?.(build, statement, number);
  }
}

function failed(diagnostics: Diagnostics): boolean {
  return diagnostics.errors > 0;
}
