import { listAt } from './lists.ts';
import type { TypeNames } from './policydb.ts';

/**
 * Gives types the members of their attributes, which are found out from the attributes of each type when they are first
 * asked for: decisions do not need them.
 */
export function withMembers(types: Omit<TypeNames, 'members'>): TypeNames {
  let members: TypeNames['members'] | undefined;
  const get = (): TypeNames['members'] => {
    members ??= membersOf(types);
    return members;
  };
  return Object.defineProperty(types, 'members', { get, enumerable: true }) as TypeNames;
}

function membersOf({ names, isAttribute, attributesOf }: Omit<TypeNames, 'members'>): TypeNames['members'] {
  const members = names.map((_, value) => (isAttribute[value] === true ? new Set<number>() : undefined));
  for (let type = 1; type < names.length; type++) {
    for (const attribute of listAt(attributesOf, type)) if (attribute !== type) members[attribute]?.add(type);
  }
  return members;
}
