import { ALLOW, AUDITALLOW, AUDITDENY, UNCONDITIONAL, type Vector } from '../policydb/access-table.ts';
import { rowClass, rowSource, rowTarget } from '../policydb/key-index.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { accessKinds, type ListedRule } from './listed-rule.ts';

type AccessKind = (typeof accessKinds)[number];
const VECTOR: Readonly<Record<AccessKind, Vector>> = { allow: ALLOW, auditallow: AUDITALLOW, dontaudit: AUDITDENY };

/** Every access vector rule of the database, row by row. */
export function* listAccess(db: Policydb): Generator<ListedRule> {
  const { access } = db;
  const { branches } = access;
  for (let row = 0; row < access.index.pairs.length; row++) {
    yield* rulesOf(db, row, UNCONDITIONAL, access, row);
    for (let entry = access.conditional.data[row] ?? -1; entry >= 0; entry = branches.next.data[entry] ?? -1) {
      yield* rulesOf(db, row, branches.branch.data[entry] ?? UNCONDITIONAL, branches, entry);
    }
  }
}

type Vectors = Pick<Policydb['access'], 'allow' | 'auditallow' | 'auditdeny'>;

function* rulesOf(db: Policydb, row: number, branch: number, vectors: Vectors, at: number): Generator<ListedRule> {
  const { access } = db;
  const tclass = rowClass(access.index, row);
  const perms = {
    allow: vectors.allow.data[at] ?? 0,
    auditallow: vectors.auditallow.data[at] ?? 0,
    dontaudit: ~(vectors.auditdeny.data[at] ?? -1) & everyPermission(db, tclass),
  };
  for (const kind of accessKinds) {
    if (perms[kind] === 0) continue;
    yield {
      kind,
      source: rowSource(access.index, row),
      target: rowTarget(access.index, row),
      tclass,
      perms: perms[kind],
      branch,
      statements: () => originsOf(db, row, VECTOR[kind], branch),
    };
  }
}

function everyPermission(db: Policydb, tclass: number): number {
  const count = db.classData[tclass]?.perms.length ?? 0;
  return count === 32 ? -1 : (1 << count) - 1;
}

function originsOf({ access }: Policydb, row: number, vector: Vector, branch: number): number[] {
  const { origins } = access;
  const found = new Set<number>();
  for (let origin = origins.first.data[row] ?? -1; origin >= 0; origin = origins.next.data[origin] ?? -1) {
    if (origins.vector.data[origin] === vector && origins.branch.data[origin] === branch) {
      found.add(origins.statement.data[origin] ?? 0);
    }
  }
  return [...found].sort((left, right) => left - right);
}
