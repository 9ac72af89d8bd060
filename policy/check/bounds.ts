import type { Build } from '../build/builder.ts';
import { members } from '../build/sets.ts';
import { UNCONDITIONAL } from '../policydb/access-table.ts';
import { includesAll } from '../policydb/bitmap.ts';
import { climbBounds, endlessBounds } from '../policydb/bounds.ts';
import { findRow, rowClass, rowSource, rowTarget } from '../policydb/key-index.ts';
import { listAt } from '../policydb/lists.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { permissionNames, spanOf } from './report.ts';

/**
 * A bounded type, role or user may have no more than its parent (libsepol's hierarchy.c). Constraints are not looked
 * at here; they bound again when a question is answered.
 */
export function checkBounds(build: Build): void {
  const { db } = build;
  if (db.types.bounds.some((parent) => parent !== 0)) {
    if (!findEndless(build)) checkTypes(build);
  }
  db.roles.bounds.forEach((parent, role) => {
    const [own, its] = [db.roles.types[role], db.roles.types[parent]];
    if (parent !== 0 && own !== undefined && its !== undefined && !includesAll(its, own))
      exceeds(build, 'role', db.roles.names, role, parent);
  });
  db.users.names.forEach((name, user) => {
    const dot = name.lastIndexOf('.');
    if (dot <= 0) return;
    const parent = db.users.values.get(name.slice(0, dot));
    const [own, its] = [db.userData[user]?.roles, db.userData[parent ?? 0]?.roles];
    if (own === undefined || its === undefined || !includesAll(its, own))
      exceeds(build, 'user', db.users.names, user, parent ?? 0);
  });
}

function exceeds(build: Build, what: 'role' | 'user', names: readonly string[], child: number, parent: number): void {
  const name = names[child] ?? '';
  const bound = parent === 0 ? name.slice(0, name.lastIndexOf('.')) : (names[parent] ?? '');
  const hint = `a dotted ${what} is bounded by \`${bound}\`: declare it, and give it everything that \`${name}\` has`;
  build.report.error({ start: 0, end: 0 }, `${what} \`${name}\` has more than \`${bound}\``, { hint });
}

function findEndless(build: Build): boolean {
  const { bounds, names, boundsStatement } = build.db.types;
  for (let type = 1; type < names.length; type++) {
    const climb = climbBounds(bounds, type);
    if (climb === 'ends') continue;
    const span = spanOf(build.db, boundsStatement[type] ?? -1);
    build.report.error(span, endlessBounds(names[type] ?? '', climb), { hint: 'remove one of the bounds' });
    return true;
  }
  return false;
}

function checkTypes(build: Build): void {
  const { db } = build;
  const rows = rowsBySource(db);
  for (let child = 1; child < db.types.names.length; child++) {
    const parent = db.types.bounds[child] ?? 0;
    if (parent === 0) continue;
    const violation = firstViolation(build, rows, child, parent);
    if (violation === undefined) continue;
    const { target, tclass, perms } = violation;
    const [childName, parentName, targetName] = [child, parent, db.types.bounds[target] || target].map(
      (type) => db.types.names[type] ?? '',
    );
    const names = permissionNames(db, tclass, perms);
    const rule = `allow ${parentName} ${targetName}:${db.classes.names[tclass] ?? ''} ${names};`;
    const message = `type \`${childName}\` may more than its parent \`${parentName}\`: ${names} on \`${db.types.names[target] ?? ''}\``;
    build.report.error(spanOf(db, db.types.boundsStatement[child] ?? -1), message, {
      hint: `remove the permission, or add \`${rule}\``,
    });
  }
}

function firstViolation(build: Build, rows: ReadonlyMap<number, number[]>, child: number, parent: number) {
  const { db } = build;
  const { access } = db;
  const { branches } = access;
  for (const source of listAt(db.types.attributesOf, child)) {
    for (const row of rows.get(source) ?? []) {
      const tclass = rowClass(access.index, row);
      for (const target of members(build, rowTarget(access.index, row))) {
        const bound = db.types.bounds[target] || target;
        const always = (access.allow.data[row] ?? 0) & ~covered(db, parent, bound, tclass, UNCONDITIONAL);
        if (always !== 0) return { target, tclass, perms: always };
        for (let entry = access.conditional.data[row] ?? -1; entry >= 0; entry = branches.next.data[entry] ?? -1) {
          const branch = branches.branch.data[entry] ?? UNCONDITIONAL;
          const some = (branches.allow.data[entry] ?? 0) & ~covered(db, parent, bound, tclass, branch);
          if (some !== 0) return { target, tclass, perms: some };
        }
      }
    }
  }
  return undefined;
}

/** What the parent may always, and under the branch; what both sides of one conditional give is always given. */
function covered(db: Policydb, source: number, target: number, tclass: number, branch: number): number {
  const { access, types } = db;
  const { branches } = access;
  let found = 0;
  const sides = new Map<number, number>();
  for (const from of listAt(types.attributesOf, source)) {
    for (const to of listAt(types.attributesOf, target)) {
      const row = findRow(access.index, from, to, tclass);
      if (row < 0) continue;
      found |= access.allow.data[row] ?? 0;
      for (let entry = access.conditional.data[row] ?? -1; entry >= 0; entry = branches.next.data[entry] ?? -1) {
        const side = branches.branch.data[entry] ?? UNCONDITIONAL;
        sides.set(side, (sides.get(side) ?? 0) | (branches.allow.data[entry] ?? 0));
      }
    }
  }
  for (const [side, perms] of sides) found |= side === branch ? perms : perms & (sides.get(side ^ 1) ?? 0);
  return found;
}

function rowsBySource(db: Policydb): Map<number, number[]> {
  const { index } = db.access;
  const rows = new Map<number, number[]>();
  for (let row = 0; row < index.pairs.length; row++) {
    const source = rowSource(index, row);
    const list = rows.get(source);
    if (list === undefined) rows.set(source, [row]);
    else list.push(row);
  }
  return rows;
}
