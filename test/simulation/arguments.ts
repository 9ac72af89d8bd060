import { parseArgs } from 'node:util';
import { mutations } from './mutations.ts';
import type { SimulateOptions } from './simulate.ts';

/** What the command line asks for: seeds, or nothing but words, with the status that the process ends with. */
export type Asked =
  | { readonly is: 'seeds'; readonly options: SimulateOptions; readonly json: boolean }
  | { readonly is: 'words'; readonly text: string; readonly status: 0 | 2 };

const seedMax = 2 ** 40 - 1;
const hostsMax = 8;
const vmsMax = 8;

const usage = `usage: npm run simulate -- [options]

Runs the broker in virtual time, with faults, and looks after every step whether what must hold still does.

  --seeds N        how many seeds (1000)
  --from S         the first of them (1)
  --hosts H        hosts in each, 2 to ${hostsMax}; otherwise 2 or 3, as the seed has it
  --vms V          VMs in each, 1 to ${vmsMax}; otherwise 1 to 3, as the seed has it
  --hard           lets more go wrong in each seed
  --mutate NAME    breaks one thing on purpose, which must be noticed
  --json           prints one JSON object
  --help           prints this

The first seeds that violate something are told step by step. Ends with 1 where any does, with 2 where the arguments are wrong.

Mutations:
${Object.keys(mutations)
  .map((name) => `  ${name}\n`)
  .join('')}`;

/** Reads the arguments after the program's name. */
export function readArguments(argv: readonly string[]): Asked {
  const wrong = (why: string) => ({ is: 'words', text: `${why}\n\n${usage}`, status: 2 }) as const;
  const read = parsed(argv);
  if (typeof read === 'string') return wrong(read);
  const { values } = read;
  if (values.help) return { is: 'words', text: usage, status: 0 };
  const problems: string[] = [];
  const number = (name: 'seeds' | 'from' | 'hosts' | 'vms', min: number, max: number): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = /^[0-9]{1,13}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max))
      problems.push(`--${name} takes a number from ${min} to ${max}, not \`${text}\``);
    return value;
  };
  const options: SimulateOptions = {
    seeds: number('seeds', 1, seedMax) ?? 1000,
    from: number('from', 0, seedMax) ?? 1,
    hosts: number('hosts', 2, hostsMax),
    vms: number('vms', 1, vmsMax),
    hard: values.hard,
    mutate: values.mutate,
  };
  if (values.mutate !== undefined && !Object.hasOwn(mutations, values.mutate)) {
    problems.push(`there is no mutation \`${values.mutate}\``);
  }
  return problems.length > 0 ? wrong(problems.join('\n')) : { is: 'seeds', options, json: values.json };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        seeds: { type: 'string' },
        from: { type: 'string' },
        hosts: { type: 'string' },
        vms: { type: 'string' },
        hard: { type: 'boolean', default: false },
        mutate: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
