import { UNCONDITIONAL } from '../policydb/access-table.ts';
import { rowClass, rowSource, rowTarget } from '../policydb/key-index.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { listAccess } from './list-access.ts';
import { listXperms } from './list-xperms.ts';
import { accessKinds, type ListedRule, type RuleKind, typeKinds, xpermKinds } from './listed-rule.ts';

/** Every rule of the database whose kind is wanted, but neverallow rules: they grant nothing, and stand apart. */
export function* listRules(db: Policydb, kinds: ReadonlySet<RuleKind>): Generator<ListedRule> {
  if (accessKinds.some((kind) => kinds.has(kind))) {
    for (const rule of listAccess(db)) if (kinds.has(rule.kind)) yield rule;
  }
  if (xpermKinds.some((kind) => kinds.has(kind))) {
    for (const rule of listXperms(db)) if (kinds.has(rule.kind)) yield rule;
  }
  for (const kind of typeKinds) if (kinds.has(kind)) yield* listTypeRules(db, kind);
  if (kinds.has('type_transition')) yield* listFileNameRules(db);
  if (kinds.has('range_transition')) {
    for (const [key, { value, statement }] of db.rangeTransitions) {
      yield { kind: 'range_transition', ...byTriple(key, statement), result: value };
    }
  }
  if (kinds.has('role_allow')) {
    for (const [key, statement] of db.roleAllows) yield { kind: 'role_allow', ...byTriple(key, statement) };
  }
  if (kinds.has('role_transition')) {
    for (const [key, { value, statement }] of db.roleTransitions) {
      yield { kind: 'role_transition', ...byTriple(key, statement), result: value };
    }
  }
}

/** A key of `tripleKey` taken apart. */
function byTriple(key: number, statement: number) {
  return {
    source: Math.floor(key / 0x1_0000_0000),
    target: Math.floor(key / 0x1_0000) % 0x1_0000,
    tclass: key % 0x1_0000,
    perms: 0,
    branch: UNCONDITIONAL,
    statements: () => [statement],
  };
}

function* listTypeRules(db: Policydb, kind: (typeof typeKinds)[number]): Generator<ListedRule> {
  const table = db.typeRules[kind];
  for (let row = 0; row < table.index.pairs.length; row++) {
    for (let entry = table.first.data[row] ?? -1; entry >= 0; entry = table.next.data[entry] ?? -1) {
      const statement = table.statement.data[entry] ?? -1;
      yield {
        kind,
        source: rowSource(table.index, row),
        target: rowTarget(table.index, row),
        tclass: rowClass(table.index, row),
        perms: 0,
        branch: table.branch.data[entry] ?? UNCONDITIONAL,
        result: table.type.data[entry] ?? 0,
        statements: () => [statement],
      };
    }
  }
}

function* listFileNameRules(db: Policydb): Generator<ListedRule> {
  for (const [fileName, rules] of db.fileNameRules) {
    for (const [key, { value, statement }] of rules) {
      yield { kind: 'type_transition', ...byTriple(key, statement), result: value, fileName };
    }
  }
}
