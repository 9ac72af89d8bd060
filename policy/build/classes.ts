import type { ClassPermissions, CommonPermissions, DefaultRule, Span } from '../language/ast.ts';
import { permissionBits, permsMax } from '../policydb/policydb.ts';
import { type Build, declareName, type Handlers, lookUp } from './builder.ts';
import { plainSet } from './sets.ts';

/** Classes, commons, their permissions, and initial SIDs. */
export const accessDeclarations: Handlers = {
  class: (build, statement) => {
    const value = declareName(build, build.db.classes, statement, 'class', statement.name);
    if (value === 0) return;
    const { name } = statement;
    build.db.classData[value] = { name, perms: [], bits: new Map(), constraints: [], validations: [], defaults: {} };
  },
  sid: (build, statement) => {
    declareName(build, build.db.initialSids, statement, 'initial SID', statement.name);
  },
  common: declareCommon,
  classPermissions: declarePermissions,
};

/** `default_user`, `default_role`, `default_type` and `default_range`. */
export const defaultRules: Handlers = { default: resolveDefault };

function declareCommon(build: Build, statement: CommonPermissions): void {
  const { name, perms } = statement;
  if (build.db.commons.has(name)) {
    build.report.error(statement, `\`${name}\` is declared twice (common)`, { name, hint: 'remove one declaration' });
  } else if (checkPermissions(build, statement, perms, [])) {
    build.db.commons.set(name, { perms });
  }
}

function declarePermissions(build: Build, statement: ClassPermissions): void {
  const { name, inherits, perms } = statement;
  const datum = build.db.classData[lookUp(build, build.db.classes, statement, 'class', name)];
  if (datum === undefined) return;
  if (datum.bits.size > 0) {
    build.report.error(statement, `the permissions of class \`${name}\` are defined twice`, {
      name,
      hint: 'join the two lists',
    });
    return;
  }
  const common = inherits === undefined ? undefined : build.db.commons.get(inherits);
  if (inherits !== undefined && common === undefined) {
    build.report.error(statement, `unknown common \`${inherits}\``, {
      name: inherits,
      hint: 'declare the common before the class',
    });
    return;
  }
  const inherited = common?.perms ?? [];
  if (!checkPermissions(build, statement, perms, inherited)) return;
  datum.perms = [...inherited, ...perms];
  datum.bits = permissionBits(datum.perms);
}

function checkPermissions(build: Build, span: Span, perms: readonly string[], inherited: readonly string[]): boolean {
  const seen = new Set(inherited);
  for (const perm of perms) {
    if (seen.has(perm)) {
      build.report.error(span, `permission \`${perm}\` is defined twice`, { name: perm, hint: 'remove one of them' });
      return false;
    }
    seen.add(perm);
  }
  if (seen.size <= permsMax) return true;
  build.report.error(span, `${seen.size} permissions do not fit an access vector`, {
    hint: `a class has at most ${permsMax}`,
  });
  return false;
}

function resolveDefault(build: Build, statement: DefaultRule): void {
  for (const tclass of plainSet(build, statement, statement.classes, 'class') ?? []) {
    const datum = build.db.classData[tclass];
    if (datum === undefined) continue;
    const before = datum.defaults[statement.of];
    if (before !== undefined && before !== statement.value) {
      const hint = `it is already \`${before}\``;
      build.report.error(statement, `conflicting default_${statement.of} for class \`${datum.name}\``, {
        name: datum.name,
        hint,
      });
    }
    datum.defaults[statement.of] = statement.value;
  }
}
