import { UNCONDITIONAL } from '../policydb/access-table.ts';
import { rowClass, rowSource, rowTarget } from '../policydb/key-index.ts';
import type { Policydb } from '../policydb/policydb.ts';
import {
  type Commands,
  XPERM_ALLOW,
  XPERM_AUDITALLOW,
  XPERM_DONTAUDIT,
  type XpermKind,
} from '../policydb/xperm-table.ts';
import type { ListedRule, xpermKinds } from './listed-rule.ts';

const KIND: Readonly<Record<XpermKind, (typeof xpermKinds)[number]>> = {
  [XPERM_ALLOW]: 'allowxperm',
  [XPERM_AUDITALLOW]: 'auditallowxperm',
  [XPERM_DONTAUDIT]: 'dontauditxperm',
};

interface Together {
  readonly lists: Commands[];
  readonly statements: Set<number>;
}

/** Every rule on single commands; those of the same kind, source, target, class and permission are one. */
export function* listXperms(db: Policydb): Generator<ListedRule> {
  const { xperms } = db;
  for (let row = 0; row < xperms.index.pairs.length; row++) {
    const key = {
      source: rowSource(xperms.index, row),
      target: rowTarget(xperms.index, row),
      tclass: rowClass(xperms.index, row),
    };
    for (const [about, { lists, statements }] of rulesOf(db, row)) {
      const [kind, perms] = about.split(' ').map(Number) as [XpermKind, number];
      const inOrder = [...statements].sort((left, right) => left - right);
      yield {
        ...key,
        kind: KIND[kind],
        perms,
        branch: UNCONDITIONAL,
        commands: unite(lists),
        statements: () => inOrder,
      };
    }
  }
}

/** By kind and permission. */
function rulesOf({ xperms }: Policydb, row: number): Map<string, Together> {
  const found = new Map<string, Together>();
  for (let entry = xperms.first.data[row] ?? -1; entry >= 0; entry = xperms.next.data[entry] ?? -1) {
    const about = `${xperms.kind.data[entry]} ${xperms.operation.data[entry]}`;
    const together = found.get(about) ?? { lists: [], statements: new Set() };
    found.set(about, together);
    together.lists.push(xperms.lists[xperms.commands.data[entry] ?? 0] ?? new Uint16Array());
    together.statements.add(xperms.statement.data[entry] ?? 0);
  }
  return found;
}

/** Lists of ranges as one, rising and apart. */
function unite(lists: readonly Commands[]): Commands {
  const ranges = lists.flatMap((list) =>
    Array.from({ length: list.length / 2 }, (_, at) => [list[at * 2] ?? 0, list[at * 2 + 1] ?? 0] as const),
  );
  const united: number[] = [];
  for (const [low, high] of ranges.sort((left, right) => left[0] - right[0])) {
    const last = united.length - 1;
    if (last > 0 && low <= (united[last] ?? 0) + 1) united[last] = Math.max(united[last] ?? 0, high);
    else united.push(low, high);
  }
  return Uint16Array.from(united);
}
