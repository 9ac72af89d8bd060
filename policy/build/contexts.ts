import type { ContextName, Span } from '../language/ast.ts';
import type { SidContext } from '../language/ast-contexts.ts';
import { type Context, NO_RANGE, OBJECT_ROLE } from '../policydb/context.ts';
import { whyInvalid } from '../policydb/validity.ts';
import { type Build, lookUp } from './builder.ts';
import { rangeValue } from './mls.ts';
import { concreteType } from './types.ts';

/** `sid NAME CONTEXT`. */
export function resolveSidContext(build: Build, statement: SidContext): void {
  const { initialSids, initialContexts } = build.db;
  const sid = lookUp(build, initialSids, statement, 'initial SID', statement.name);
  if (sid === 0) return;
  if (initialContexts[sid] !== undefined) {
    build.report.error(statement, `initial SID \`${statement.name}\` has two contexts`, {
      name: statement.name,
      hint: 'remove one of them',
    });
    return;
  }
  initialContexts[sid] = contextValue(build, statement.context);
}

/** The value of a context that is valid in the policy, or undefined after an error. */
export function contextValue(build: Build, name: ContextName): Context | undefined {
  const { db, report } = build;
  const user = lookUp(build, db.users, name, 'user', name.user);
  const role = lookUp(build, db.roles, name, 'role', name.role);
  const type = concreteType(build, name, name.type);
  const range = contextRange(build, name, name.range);
  if (user === 0 || role === 0 || type === 0 || range === undefined) return undefined;
  const context = { user, role, type, range };
  const why = whyInvalid(db, context) ?? whyTooEarly(build, context);
  if (why === undefined) return context;
  report.error(name, `invalid context: ${why}`, {
    hint: 'change the context, or give the role the type and the user the role and range, by name',
  });
  return undefined;
}

/** Checkpolicy reads contexts before it gives roles and users what they have by role attributes and optionals. */
function whyTooEarly({ db, pending }: Build, { user, role, type }: Context): string | undefined {
  if (role === OBJECT_ROLE) return undefined;
  const name = db.roles.names[role] ?? '';
  if (pending.plainRoleTypes.get(role)?.has(type) !== true) {
    return `role \`${name}\` has type \`${db.types.names[type] ?? ''}\` only by a role attribute or an optional`;
  }
  if (pending.users.get(user)?.roles.has(role) !== true) {
    return `user \`${db.users.names[user] ?? ''}\` has role \`${name}\` only by a role attribute or an optional`;
  }
  return undefined;
}

function contextRange(build: Build, span: Span, range: ContextName['range']) {
  const { mls } = build.db;
  if (mls === undefined && range !== undefined) {
    build.report.error(span, 'a level in a policy without MLS', { hint: 'remove it' });
    return undefined;
  }
  if (mls !== undefined && range === undefined) {
    build.report.error(span, 'a context without a level in an MLS policy', { hint: 'add the level, such as `:s0`' });
    return undefined;
  }
  return range === undefined ? NO_RANGE : rangeValue(build, span, range);
}
