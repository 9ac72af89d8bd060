import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { BrokerError } from '../../shared/errors/broker-error.ts';
import { type Principal, principal } from '../../shared/pki/principal.ts';
import { check } from '../../shared/schema/schema.ts';
import { addressesMax } from './records.ts';

const holdersMax = 100;

export const usage = `carnet-authority: the certificate authority of a fleet

  init  --directory DIR --fleet NAME              make a new authority
  token ROLE NAME [ROLE NAME]... --directory DIR [--minutes N] [--days N] [--address ADDRESS]...
                                                  make a one-time token for each; what is printed is secret
  issue ROLE NAME --directory DIR --to DIR [--days N] [--address ADDRESS]...
                                                  make key and certificate on this machine
  list  --directory DIR                           the names of the fleet and their certificates
  serve --directory DIR --server URL... [--log FILE]
                                                  enrol holders of tokens over the bus; with --log it says
                                                  \`ready\` when it serves, else its log goes to standard output

ROLE is host, client or service. A token is good for 60 minutes (--minutes), a certificate for 90 days (--days).
--address is a DNS name or an IP address that hosts are reached under.
`;

/** What was asked for on the command line. */
export type Command =
  | { readonly is: 'help' }
  | { readonly is: 'init'; readonly directory: string; readonly fleet: string }
  | (ForHolders & { readonly is: 'token'; readonly holders: readonly Principal[]; readonly lifetimeMs: number })
  | (ForHolders & { readonly is: 'issue'; readonly holder: Principal; readonly to: string })
  | { readonly is: 'list'; readonly directory: string }
  | {
      readonly is: 'serve';
      readonly directory: string;
      readonly servers: readonly string[];
      readonly log: string | undefined;
    };

interface ForHolders {
  readonly directory: string;
  readonly addresses: readonly string[];
  readonly certificateLifetimeMs: number;
}

const options = {
  directory: { type: 'string' },
  fleet: { type: 'string' },
  minutes: { type: 'string', default: '60' },
  days: { type: 'string', default: '90' },
  address: { type: 'string', multiple: true },
  to: { type: 'string' },
  server: { type: 'string', multiple: true },
  log: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Reads the arguments after the program's name. USAGE_INVALID. */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parsed(args);
  const [verb, ...rest] = positionals;
  if (values.help || verb === undefined || verb === 'help') return { is: 'help' };
  const forHolders = (holders: readonly Principal[]): ForHolders => ({
    directory: required(values.directory, '--directory'),
    addresses: addresses(holders, values.address ?? []),
    certificateLifetimeMs: count(values.days, '--days', 3650) * 86_400_000,
  });
  if (verb === 'token') {
    const holders = holdersOf(verb, rest);
    const lifetimeMs = count(values.minutes, '--minutes', 7 * 24 * 60) * 60_000;
    return { is: 'token', ...forHolders(holders), holders, lifetimeMs };
  }
  if (verb === 'issue') {
    const [holder] = holdersOf(verb, rest.slice(0, 2));
    if (holder === undefined || rest.length > 2) throw invalid('issue takes one role and one name');
    return { is: 'issue', ...forHolders([holder]), holder, to: required(values.to, '--to') };
  }
  if (rest.length > 0) throw invalid(`${verb} takes no \`${rest[0]}\``);
  const directory = required(values.directory, '--directory');
  switch (verb) {
    case 'init':
      return { is: 'init', directory, fleet: required(values.fleet, '--fleet') };
    case 'list':
      return { is: 'list', directory };
    case 'serve':
      return { is: 'serve', directory, servers: required(values.server, '--server'), log: values.log };
    default:
      throw invalid(`there is no command \`${verb}\``);
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function required<T>(value: T | undefined, option: string): T {
  if (value === undefined) throw invalid(`${option} is missing`);
  return value;
}

/** The holders that are named, as role and name by turns. */
function holdersOf(verb: string, words: readonly string[]): readonly Principal[] {
  const holders: Principal[] = [];
  for (let at = 0; at < Math.max(words.length, 1); at += 2) {
    const holder = check(principal, { role: words[at], name: words[at + 1] });
    if (!holder.ok) throw invalid(`${verb} takes a role (host, client, service) and a name`);
    holders.push(holder.value);
  }
  if (holders.length > holdersMax) throw invalid(`${verb} takes at most ${holdersMax} names`);
  return holders;
}

/** Addresses are for the hosts among the holders. */
function addresses(holders: readonly Principal[], given: readonly string[]): readonly string[] {
  if (given.length > 0 && !holders.some(({ role }) => role === 'host')) throw invalid('--address is for hosts');
  if (given.length > addressesMax) throw invalid(`a host has at most ${addressesMax} addresses`);
  for (const address of given) {
    if (isIP(address) === 0 && !/^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,8}$/.test(address)) {
      throw invalid(`\`${address}\` is not a DNS name in lower case or an IP address`);
    }
  }
  return given;
}

function count(text: string, option: string, max: number): number {
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw invalid(`${option} is a number from 1 to ${max}`);
  return value;
}

const invalid = (why: string) => new BrokerError('USAGE_INVALID', why, { hint: 'see carnet-authority --help' });
