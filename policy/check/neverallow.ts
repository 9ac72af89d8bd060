import type { Build } from '../build/builder.ts';
import { members } from '../build/sets.ts';
import { ALLOW } from '../policydb/access-table.ts';
import { type Bitmap, hasBit } from '../policydb/bitmap.ts';
import { rowClass, rowSource, rowTarget } from '../policydb/key-index.ts';
import type { Neverallow } from '../policydb/policydb.ts';
import { mayCompare, permissionNames, spanOf } from './report.ts';

/** No allow rule, conditional or not, may grant what a neverallow forbids (libsepol's assertion.c). */
export function checkNeverallows(build: Build): void {
  const { neverallows } = build.db;
  if (neverallows.length === 0) return;
  const byClass = rowsByClass(build);
  for (const never of neverallows) checkOne(build, never, byClass);
}

function checkOne(build: Build, never: Neverallow, byClass: ReadonlyMap<number, number[]>): void {
  const { db, report } = build;
  const { access, types } = db;
  const { sources, targets } = never;
  for (const [tclass, mask] of never.perms) {
    const rows = byClass.get(tclass) ?? [];
    if (!mayCompare(build, spanOf(db, never.statement), rows.length)) return;
    for (const row of rows) {
      const perms = allowedAnyhow(build, row) & mask;
      if (perms === 0) continue;
      const from = members(build, rowSource(access.index, row)).filter((type) => hasBit(sources, type));
      if (from.length === 0) continue;
      const to = members(build, rowTarget(access.index, row));
      const pair = violatingPair(from, to, targets, never.self);
      if (pair === undefined) continue;
      const [source, target] = pair.map((type) => types.names[type] ?? '');
      const rule = `allow ${source} ${target}:${db.classes.names[tclass] ?? ''} ${permissionNames(db, tclass, perms)};`;
      const at = report.placeOf(spanOf(db, allowingStatement(build, row, perms)));
      const hint = `the permission is given at ${at}; remove it there, or narrow the neverallow`;
      report.error(spanOf(db, never.statement), `a rule does what this neverallow forbids: \`${rule}\``, { hint });
      return;
    }
  }
}

function violatingPair(
  from: readonly number[],
  to: readonly number[],
  targets: Bitmap,
  self: boolean,
): [number, number] | undefined {
  if (!self) {
    const plain = to.find((type) => hasBit(targets, type));
    return plain !== undefined && from[0] !== undefined ? [from[0], plain] : undefined;
  }
  const others = new Set(to);
  const same = from.find((type) => others.has(type));
  return same === undefined ? undefined : [same, same];
}

function allowedAnyhow(build: Build, row: number): number {
  const { access } = build.db;
  const { branches } = access;
  let perms = access.allow.data[row] ?? 0;
  for (let entry = access.conditional.data[row] ?? -1; entry >= 0; entry = branches.next.data[entry] ?? -1) {
    perms |= branches.allow.data[entry] ?? 0;
  }
  return perms;
}

function allowingStatement(build: Build, row: number, perms: number): number {
  const { access } = build.db;
  const { origins } = access;
  for (let origin = origins.first.data[row] ?? -1; origin >= 0; origin = origins.next.data[origin] ?? -1) {
    if (origins.vector.data[origin] === ALLOW && ((origins.perms.data[origin] ?? 0) & perms) !== 0) {
      return origins.statement.data[origin] ?? -1;
    }
  }
  return -1;
}

function rowsByClass(build: Build): Map<number, number[]> {
  const { index } = build.db.access;
  const rows = new Map<number, number[]>();
  for (let row = 0; row < index.pairs.length; row++) {
    const tclass = rowClass(index, row);
    const list = rows.get(tclass);
    if (list === undefined) rows.set(tclass, [row]);
    else list.push(row);
  }
  return rows;
}
