import type { Statement } from '../ast.ts';
import type { SidContext } from '../ast-contexts.ts';
import { NO_TOKENS, type Tokens } from '../scan.ts';
import { keyword, sign } from '../tokens.ts';
import { accessRules } from './access.ts';
import { ColumnParser, type Grammar, type Rule } from './base.ts';
import { optionalRule, requireRules } from './blocks.ts';
import { conditionalRules } from './conditionals.ts';
import { constraintRules } from './constraints.ts';
import { labelRules } from './labels.ts';
import { mlsRules } from './mls.ts';
import { nameRules } from './names.ts';
import { roleRules } from './roles.ts';
import { ruleRules } from './rules.ts';
import { typeRules } from './types.ts';
import { xpermRules } from './xperms.ts';

/** A syntax error: the token the parser could not take, and what it would have taken. */
export interface SyntaxError {
  readonly start: number;
  readonly end: number;
  readonly found: string;
  readonly message: string;
}

/** Parses a whole policy. */
export class PolicyParser extends ColumnParser {
  readonly policy: Rule<void, [Statement[]]>;
  constructor(validated = false) {
    super(validated);
    this.policy = policyRule(this as unknown as Grammar);
    this.performSelfAnalysis();
  }
}

/**
 * The sections of a policy in their fixed order (`base_policy` of policy_parse.y). The order is the grammar's: a
 * statement of an earlier section in a later one is a syntax error, as it is for checkpolicy.
 */
function policyRule(g: Grammar): Rule<void, [Statement[]]> {
  const names = nameRules(g);
  const access = accessRules(g, names);
  const mls = mlsRules(g, names);
  const types = typeRules(g, names);
  const rules = ruleRules(g, names);
  const roles = roleRules(g, names);
  const { xpermRule } = xpermRules(g, names);
  const { require } = requireRules(g, names);
  const conditionals = conditionalRules(g, rules, require);
  const constraints = constraintRules(g, names);
  const labels = labelRules(g, names);

  const oneOf = (name: string, choices: readonly Rule<Statement>[]): Rule<Statement> => {
    const alternatives = choices.map((rule) => ({ ALT: () => g.SUBRULE(rule) }));
    return g.RULE(name, () => g.OR<Statement>(alternatives));
  };

  const mlsConstraint = oneOf('mlsConstraint', [constraints.mlsConstrain, constraints.mlsValidateTransition]);
  const mlsSection: Rule<void, [Statement[]]> = g.RULE('mlsSection', (out: Statement[] = []) => {
    g.AT_LEAST_ONE(() => void out.push(g.SUBRULE(mls.sensitivity)));
    const dominance = g.SUBRULE(mls.dominance);
    out.push(dominance);
    g.MANY(() => void out.push(g.SUBRULE(mls.category)));
    g.AT_LEAST_ONE1(() => void out.push(g.SUBRULE(mls.levelDefinition)));
    g.AT_LEAST_ONE2(() => void out.push(g.SUBRULE(mlsConstraint)));
  });

  const everywhere: Rule<Statement>[] = [
    rules.allow,
    rules.audit,
    rules.typeTransition,
    types.type,
    types.typeAttribute,
    rules.related,
    types.attribute,
    types.typeAlias,
    types.typeBounds,
    types.boolean,
    types.expandAttribute,
    types.permissive,
    rules.neverallow,
    rules.rangeTransition,
    roles.roleAttributeDeclaration,
    roles.role,
    roles.roleAttribute,
    roles.roleTransition,
    conditionals.conditional,
    xpermRule,
  ];
  const optional = optionalRule(g, everywhere, require, roles.user);
  const statement = oneOf('statement', [...everywhere, optional, types.policyCapability]);

  const constraint = oneOf('constraint', [constraints.constrain, constraints.validateTransition]);

  const fileSystemUse = oneOf('fileSystemUse', labels.fileSystemUses);
  const device = oneOf('device', labels.devices);

  const sidContext = g.RULE('sidContext', (): SidContext => {
    const start = g.here();
    g.CONSUME(keyword.sid);
    const name = g.name();
    const context = g.SUBRULE(names.context);
    return { kind: 'sidContext', name, context, ...g.span(start) };
  });

  const labelSection: Rule<void, [Statement[]]> = g.RULE('labelSection', (out: Statement[] = []) => {
    g.MANY7(() => void out.push(g.SUBRULE(labels.fileSystemContext)));
    g.MANY(() => void out.push(g.SUBRULE(fileSystemUse)));
    g.MANY1(() => void out.push(g.SUBRULE(labels.genericFileSystem)));
    g.MANY2(() => void out.push(g.SUBRULE(labels.port)));
    g.MANY3(() => void out.push(g.SUBRULE(labels.networkInterface)));
    g.MANY4(() => void out.push(g.SUBRULE(labels.node)));
    g.MANY8(() => void out.push(g.SUBRULE(device)));
    g.MANY5(() => void out.push(g.SUBRULE(labels.partitionKey)));
    g.MANY6(() => void out.push(g.SUBRULE(labels.endPort)));
  });

  return g.RULE('policy', (out: Statement[] = []) => {
    g.AT_LEAST_ONE(() => void out.push(g.SUBRULE(access.classDeclaration)));
    g.AT_LEAST_ONE1(() => void out.push(g.SUBRULE(access.sidDeclaration)));
    g.MANY(() => void out.push(g.SUBRULE(access.common)));
    g.AT_LEAST_ONE2(() => void out.push(g.SUBRULE(access.classPermissions)));
    g.MANY1(() => void out.push(g.SUBRULE(access.defaultRule)));
    g.OPTION(() => g.SUBRULE(mlsSection, { ARGS: [out] }));
    const alternatives = [
      { ALT: () => void out.push(g.SUBRULE(statement)) },
      { ALT: () => void g.CONSUME(sign.semicolon) },
    ];
    g.AT_LEAST_ONE3(() => {
      if (!g.takeRules(out)) g.OR(alternatives);
    });
    g.AT_LEAST_ONE4(() => void out.push(g.SUBRULE(roles.user)));
    g.MANY2(() => void out.push(g.SUBRULE(constraint)));
    g.AT_LEAST_ONE5(() => void out.push(g.SUBRULE(sidContext)));
    g.SUBRULE(labelSection, { ARGS: [out] });
  });
}

let parser: PolicyParser | undefined;

/** Parses tokens into statements in source order; the first syntax error ends the parse, as in checkpolicy. */
export function parseStatements(tokens: Tokens): { statements: Statement[]; error?: SyntaxError } {
  parser ??= new PolicyParser();
  parser.read(tokens);
  const statements: Statement[] = [];
  parser.policy(statements);
  const error = parser.errors[0];
  parser.read(NO_TOKENS);
  if (error === undefined) return { statements };
  const { startOffset: start, endOffset = start, image } = error.token;
  return { statements, error: { start, end: endOffset + 1, found: image, message: error.message } };
}
