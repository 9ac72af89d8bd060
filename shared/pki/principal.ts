import { principalName } from '../ids.ts';
import { check, fields, oneOf, type Shape } from '../schema/schema.ts';

/** What a certificate's holder is: a host's broker, a person's client, or a service of the fleet (scheduler, authority). */
export const role = oneOf(['host', 'client', 'service']);
export type Role = Shape<typeof role>;

/** Whoever can sign. A name belongs to one role in a fleet: the authority sees to it. */
export const principal = fields({ role, name: principalName });
export type Principal = Shape<typeof principal>;

/** A principal of a named fleet. */
export interface FleetPrincipal extends Principal {
  readonly fleet: string;
}

/** The name a certificate carries as a URI: `carnet://<fleet>/<role>/<name>`. */
export const uriOf = ({ fleet, role, name }: FleetPrincipal): string => `carnet://${fleet}/${role}/${name}`;

/** Reads such a URI; nothing for anything that is not exactly one. */
export function principalOfUri(uri: string): FleetPrincipal | undefined {
  const [, fleet, role, name] = /^carnet:\/\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(uri) ?? [];
  const checked = check(fleetPrincipal, { fleet, role, name });
  return checked.ok ? checked.value : undefined;
}

const fleetPrincipal = fields({ fleet: principalName, ...principal.entries });

export const samePrincipal = (one: Principal, other: Principal): boolean =>
  one.role === other.role && one.name === other.name;
/** For messages and logs: `host alpha`. */
export const describePrincipal = ({ role, name }: Principal): string => `${role} ${name}`;
