import { formatContext, formatRange } from '../decide/context-text.ts';
import type { ConstraintExpression } from '../language/ast-expressions.ts';
import { printConstraint } from '../language/print-expression.ts';
import { bitsOf } from '../policydb/bitmap.ts';
import type { Constraint } from '../policydb/constraint.ts';
import type { Names, Policydb } from '../policydb/policydb.ts';
import { listRules } from '../search/list-rules.ts';
import { permNames, printBranch, printPerms, printRule } from '../search/print-rule.ts';

/** Everything besides allow rules and auditing that changes an answer, one text for each thing, in policy syntax. */
export function otherLines(db: Policydb): Set<string> {
  const lines = new Set<string>();
  const { types, roles, users, classes } = db;
  db.classData.forEach((datum, tclass) => {
    if (datum === undefined) return;
    lines.add(`class ${datum.name} ${printPerms([...datum.perms].sort())}`);
    for (const [part, value] of Object.entries(datum.defaults)) lines.add(`default_${part} ${datum.name} ${value};`);
    for (const one of datum.constraints) {
      lines.add(`constrain ${datum.name} ${printPerms(permNames(db, tclass, one.perms))} ( ${expression(db, one)} );`);
    }
    for (const one of datum.validations) lines.add(`validatetrans ${datum.name} ( ${expression(db, one)} );`);
  });
  const rules = [
    'allowxperm',
    'type_transition',
    'type_change',
    'type_member',
    'range_transition',
    'role_allow',
    'role_transition',
  ];
  for (const rule of listRules(db, new Set(rules as never[])))
    lines.add(printRule(db, rule) + printBranch(db, rule.branch));
  types.names.forEach((name, type) => {
    if (type === 0 || types.isAttribute[type] === true) return;
    lines.add(`type ${name};`);
    if (types.permissive[type] === true) lines.add(`permissive ${name};`);
    const parent = types.bounds[type] ?? 0;
    if (parent !== 0) lines.add(`typebounds ${types.names[parent]} ${name};`);
  });
  roles.types.forEach((has, role) => {
    if (roles.isAttribute[role] === true || has === undefined) return;
    for (const type of bitsOf(has)) lines.add(`role ${roles.names[role]} types ${types.names[type]};`);
  });
  db.userData.forEach((datum, user) => {
    if (datum === undefined) return;
    const may = bitsOf(datum.roles).map((role) => roles.names[role] ?? '');
    const range = db.mls === undefined ? '' : ` range ${formatRange(db.mls, datum.range, ' - ')}`;
    lines.add(`user ${users.names[user]} roles ${printPerms(may.sort())}${range};`);
  });
  db.booleans.names.forEach((name, boolean) => {
    if (boolean > 0 && db.tunables[boolean] !== true) lines.add(`bool ${name} ${db.booleanDefaults[boolean]};`);
  });
  for (const line of mlsLines(db)) lines.add(line);
  db.initialContexts.forEach((context, sid) => {
    if (context !== undefined) lines.add(`sid ${db.initialSids.names[sid]} ${formatContext(db, context)}`);
  });
  for (const alias of aliases(types)) lines.add(`typealias ${alias};`);
  for (const alias of aliases(classes)) lines.add(`class ${alias}`);
  return lines;
}

function* mlsLines({ mls }: Policydb): Generator<string> {
  if (mls === undefined) return;
  yield `dominance ${printPerms(mls.sensitivities.names.slice(1))}`;
  for (const [sensitivity, legal] of mls.legal.entries()) {
    if (legal === undefined) continue;
    const range = { low: { sensitivity, categories: legal }, high: { sensitivity, categories: legal } };
    yield `level ${formatRange(mls, range, '')};`;
  }
  for (const alias of [...aliases(mls.sensitivities), ...aliases(mls.categories)]) yield `alias ${alias};`;
}

function aliases({ names, values }: Names): string[] {
  return [...values].flatMap(([name, value]) => (names[value] === name ? [] : [`${names[value]} alias ${name}`]));
}

function expression(db: Policydb, { steps }: Constraint): string {
  const terms: ConstraintExpression = steps.map((step) => {
    if (step.op !== 'names') return step;
    const of = { user: db.users, role: db.roles, type: db.types }[step.part];
    const names = bitsOf(step.names).map((value) => of.names[value] ?? '');
    const compare = step.equal ? 'eq' : 'ne';
    return {
      op: 'names',
      context: step.context,
      part: step.part,
      compare,
      names: { form: 'list', names: names.sort(), except: [] },
    };
  });
  return printConstraint(terms);
}
