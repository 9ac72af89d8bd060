import { checkBounds } from '../check/bounds.ts';
import { checkNeverallows } from '../check/neverallow.ts';
import { checkNeverallowXperms } from '../check/neverallow-xperms.ts';
import type { Statement } from '../language/ast.ts';
import { type Diagnostics, SILENT } from '../language/diagnostics.ts';
import type { Parsed } from '../language/parse.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { type Block, blocksInForce, layOut, outlivesSurroundings, type Section } from './blocks.ts';
import { type Build, createBuild, type Handlers, type Target } from './builder.ts';
import { accessDeclarations, defaultRules } from './classes.ts';
import { resolveConditional } from './conditionals.ts';
import { constraintRules } from './constraints.ts';
import { resolveSidContext } from './contexts.ts';
import { deviceRules } from './devices.ts';
import { checkGivenOnce } from './given-once.ts';
import { labelRules } from './labels.ts';
import { checkLevels, mlsDeclarations } from './mls.ts';
import { declaringBlock, requireDeclarations } from './requires.ts';
import { finishRoles, roleDeclarations, roleRules } from './roles.ts';
import { resolveAvRule, resolveTypeRule } from './rules.ts';
import { finishTypes, typeDeclarations, typeRules } from './types.ts';
import { finishUsers, resolveRangeTransition, resolveUser } from './users.ts';
import { resolveXpermRule } from './xperms.ts';

/** Pass 1: what the statements declare, in source order, since a declaration may only name what stands before it. */
const declarations: Handlers = {
  ...accessDeclarations,
  ...mlsDeclarations,
  ...typeDeclarations,
  ...roleDeclarations,
  ...requireDeclarations,
};

/** Pass 2: what the statements say about what is declared anywhere. */
const resolutions: Handlers = {
  ...defaultRules,
  ...typeRules,
  ...roleRules,
  ...constraintRules,
  avRule: (build, statement, number) => resolveAvRule(build, statement, number),
  xpermRule: resolveXpermRule,
  typeRule: (build, statement, number) => resolveTypeRule(build, statement, number),
  range_transition: resolveRangeTransition,
  user: resolveUser,
};

/** Pass 3: what needs roles and users complete; and conditional rules, which must see every unconditional one. */
const completions: Handlers = {
  if: resolveConditional,
  sidContext: resolveSidContext,
  ...labelRules,
  ...deviceRules,
};

/** `target` is what the policy is for, as checkpolicy's `-t` says it: `selinux` unless given. */
export interface BuildOptions {
  readonly target?: Target;
}

/**
 * Makes the database of a parsed policy, in the two passes of checkpolicy. Answers undefined when anything is wrong;
 * what it is stands in the diagnostics.
 */
export function buildPolicydb(parsed: Parsed, options: BuildOptions = {}): Policydb | undefined {
  const { statements, diagnostics } = parsed;
  const { sections, blocks } = layOut(statements);
  const everything = blocks[0];
  if (everything === undefined) return undefined;
  const target = options.target ?? 'selinux';
  const oneBlock = blocks.length === 1;
  const first = createBuild(diagnostics, target, everything, oneBlock ? diagnostics : undefined);
  runPass(first, sections, declarations);
  checkLevels(first, statements);
  if (failed(diagnostics)) return undefined;
  diagnostics.nextStage();
  if (oneBlock && first.local.size === 0) return complete(first, sections);

  const users = userNames(sections);
  const inForce = blocksInForce(blocks, (requirement) => declaringBlock(first, everything, users, requirement));
  if (!inForce.has(everything)) {
    reportUnmet(first, everything, users);
    return undefined;
  }
  const kept = sections.filter(({ block }) => inForce.has(block));
  const outlive = ({ block }: Section): boolean => outlivesSurroundings(block, inForce);
  checkDropped(first, [...sections.filter(({ block }) => !inForce.has(block)), ...kept.filter(outlive)]);
  if (!oneBlock) {
    const declare = (build: Build, all: readonly Section[]): void => runPass(build, all, declarations);
    const resolve = (build: Build, all: readonly Section[]): void => runPass(build, all, resolutions);
    checkGivenOnce(diagnostics, target, sections, everything, { declare, resolve });
  }
  const second = createBuild(diagnostics, target, everything, oneBlock ? diagnostics : undefined);
  runPass(second, kept, declarations);
  return complete(second, kept, outlive);
}

/** Makes the database from statements whose declarations are made; in `lenient` sections what names nothing has no effect. */
function complete(
  build: Build,
  sections: readonly Section[],
  lenient?: (section: Section) => boolean,
): Policydb | undefined {
  const { db, report } = build;
  for (const { statements } of sections) {
    for (const { start, end } of statements) {
      db.spans.starts.push(start);
      db.spans.ends.push(end);
    }
  }
  finishTypes(build);
  runPass(build, sections, resolutions, lenient);
  if (failed(report)) return undefined;
  finishRoles(build);
  finishUsers(build);
  runPass(build, sections, completions, lenient);
  if (!failed(report)) checkBounds(build);
  if (!failed(report)) checkNeverallows(build);
  if (!failed(report)) checkNeverallowXperms(build);
  return failed(report) ? undefined : db;
}

function runPass(
  build: Build,
  sections: readonly Section[],
  handlers: Handlers,
  lenient: (section: Section) => boolean = () => false,
): void {
  const table = handlers as Record<string, ((build: Build, statement: Statement, number: number) => void) | undefined>;
  const { block, report } = build;
  let number = 0;
  for (const section of sections) {
    build.block = section.block;
    build.report = lenient(section) ? SILENT : report;
    for (const statement of section.statements) {
      table[statement.kind]?.(build, statement, number);
      number++;
    }
  }
  build.block = block;
  build.report = report;
}

/** What is wrong in a dropped block is wrong all the same. */
function checkDropped(build: Build, sections: readonly Section[]): void {
  build.dry = true;
  runPass(build, sections, resolutions);
  runPass(build, sections, completions);
}

function userNames(sections: readonly Section[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { statements } of sections) for (const one of statements) if (one.kind === 'user') names.add(one.name);
  return names;
}

function reportUnmet(build: Build, everything: Block, users: ReadonlySet<string>): void {
  for (const requirement of everything.required) {
    if (declaringBlock(build, everything, users, requirement) !== undefined) continue;
    const { kind, name, span } = requirement;
    build.report.error(span, `the ${kind} \`${name}\` is required here and declared nowhere`, {
      name,
      hint: `declare the ${kind}, or put the statement into an optional`,
    });
  }
}

function failed(diagnostics: Diagnostics): boolean {
  return diagnostics.errors > 0;
}
