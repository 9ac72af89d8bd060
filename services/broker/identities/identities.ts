import type { Policy } from '../../../policy/policy.ts';
import { readConfig } from '../../../shared/config/config.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { label } from '../../../shared/label/label.ts';
import { limits } from '../../../shared/limits.ts';
import { fields, list, oneOf, pattern, type Shape } from '../../../shared/schema/schema.ts';
import type { Identities } from '../runtime/ports.ts';

/** One line of the map: certificates of this role with this name, or whose name begins so, have this context. */
const identity = fields({
  role: oneOf(['client', 'host']),
  name: pattern(
    /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|(?:[a-z0-9][a-z0-9-]*)?\*)$/,
    limits.nameLength + 1,
    'a name, or the beginning of one and `*`',
  ),
  context: label,
});

/** What the map file of a host holds: the first line that matches decides. */
export const identityMap = list(identity, 10_000);
export type IdentityMap = Shape<typeof identityMap>;

/**
 * Reads the map of a host from a YAML file and checks every context against its policy, where one is given. CONFIG_INVALID names
 * what is wrong. A context that a later policy does not know is refused when it is used.
 */
export async function readIdentities(path: string, policy?: Policy): Promise<Identities> {
  const map = await readConfig<IdentityMap>(path, identityMap);
  const unknown = policy === undefined ? [] : map.filter(({ context }) => policy.canonical(context) !== context);
  const [first] = unknown;
  if (first !== undefined) {
    const spelling = policy?.canonical(first.context);
    throw new BrokerError(
      'CONFIG_INVALID',
      `${path}: the context \`${first.context}\` of ${first.role} ${first.name} is not valid in the policy of this host`,
      spelling === undefined ? {} : { hint: `the policy spells it \`${spelling}\`` },
    );
  }
  return createIdentities(map);
}

/** Looks names up in a map. A name that no line matches has no context, and is refused by whoever asked. */
export function createIdentities(map: IdentityMap): Identities {
  return {
    contextOf: (role, name) => map.find((line) => line.role === role && matches(line.name, name))?.context,
  };
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
