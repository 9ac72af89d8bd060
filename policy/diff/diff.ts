import { partsOf } from '../decide/create-policy.ts';
import type { Policy } from '../policy.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { permNames, printBranch, printPerms } from '../search/print-rule.ts';
import { gainedPairs } from './gained.ts';
import { otherLines } from './other-lines.ts';

/** Permissions of a class that one type has on others in one policy and not in the other. */
export interface AllowedMore {
  readonly tclass: string;
  readonly targets: readonly string[];
  readonly perms: readonly string[];
  /** The condition they stand under, as ` [ a && b ]:True`, or ''. */
  readonly condition: string;
}

/** One source type's part of the difference. */
export interface DomainDifference {
  readonly domain: string;
  /** What only the second policy allows. */
  readonly more: readonly AllowedMore[];
  /** What only the first policy allows. */
  readonly less: readonly AllowedMore[];
}

export interface PolicyDifference {
  readonly domains: readonly DomainDifference[];
  /** What else is in one policy only and changes an answer: transitions, constraints, roles, users, booleans … in policy syntax. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * What the second policy allows that the first does not and the other way round, by source type, attributes resolved
 * and rules under conditions told apart; and what else differs. Auditing is left out: it changes no answer.
 * @throws TooDifferent when there is more than can be listed.
 */
export function diffPolicies(first: Policy, second: Policy): PolicyDifference {
  const [before, after] = [partsOf(first).db, partsOf(second).db];
  const more = byDomain(after, gainedPairs(before, after));
  const less = byDomain(before, gainedPairs(after, before));
  const domains = [...new Set([...more.keys(), ...less.keys()])].sort();
  const [linesBefore, linesAfter] = [otherLines(before), otherLines(after)];
  return {
    domains: domains.map((domain) => ({ domain, more: more.get(domain) ?? [], less: less.get(domain) ?? [] })),
    added: [...linesAfter].filter((line) => !linesBefore.has(line)).sort(),
    removed: [...linesBefore].filter((line) => !linesAfter.has(line)).sort(),
  };
}

/** True when no answer can differ. */
export function isEmptyDifference({ domains, added, removed }: PolicyDifference): boolean {
  return domains.length + added.length + removed.length === 0;
}

/** Targets with the same permissions of the same class are put together. */
function byDomain(db: Policydb, pairs: ReturnType<typeof gainedPairs>): Map<string, AllowedMore[]> {
  const domains = new Map<string, Map<string, AllowedMore & { readonly targets: string[] }>>();
  for (const { source, target, tclass, perms, branch } of pairs) {
    const domain = db.types.names[source] ?? '';
    const groups = domains.get(domain) ?? new Map();
    domains.set(domain, groups);
    const key = `${tclass} ${perms} ${branch}`;
    const group = groups.get(key) ?? {
      tclass: db.classes.names[tclass] ?? '',
      targets: [],
      perms: permNames(db, tclass, perms),
      condition: printBranch(db, branch),
    };
    groups.set(key, group);
    group.targets.push(db.types.names[target] ?? '');
  }
  return new Map(
    [...domains].map(([domain, groups]) => [
      domain,
      [...groups.values()]
        .map((group) => ({ ...group, targets: group.targets.sort() }))
        .sort((left, right) => compare(printAllowed('', left), printAllowed('', right))),
    ]),
  );
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** As an allow rule. */
export function printAllowed(domain: string, { tclass, targets, perms, condition }: AllowedMore): string {
  return `allow ${domain} ${printPerms(targets)}:${tclass} ${printPerms(perms)};${condition}`;
}
