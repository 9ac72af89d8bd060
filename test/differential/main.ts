import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runDebian } from './debian-run.ts';
import { progressOn } from './progress.ts';
import { runRandom } from './random-run.ts';
import { renderDebian, renderRandom } from './report.ts';

const usage = `usage: npm run differential -- [--queries N] [--seed S] [--keep DIR] [--json]
       npm run differential -- --debian [--queries N] [--seed S] [--json]

Puts the same questions to libsepol, through checkpolicy, and to the engine, and prints what differs. Random policies, or
with --debian the policies of Debian's packages selinux-policy-default and selinux-policy-mls. A policy on which something
differs is shrunk and kept in DIR. Exit status 0 when nothing differs, 1 when something does, 2 for a usage error.
`;

/** A whole number of an option; anything else ends the program. */
function numberOf(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  process.stderr.write(`--${name} takes a whole number\n${usage}`);
  process.exit(2);
}

function optionsOf(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        queries: { type: 'string' },
        seed: { type: 'string', default: '1' },
        keep: { type: 'string' },
        debian: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return process.exit(2);
  }
}

const options = optionsOf(process.argv.slice(2));
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const seed = numberOf('seed', options.seed);
const startedMs = performance.now();
const seconds = (): number => Math.round((performance.now() - startedMs) / 100) / 10;
const print = (result: object, text: string): void => {
  process.stdout.write(
    options.json ? `${JSON.stringify({ schema: 1, ...result, seconds: seconds() }, null, 2)}\n` : text,
  );
};

if (options.debian) {
  const result = await runDebian({
    queries: numberOf('queries', options.queries ?? '50000'),
    seed,
    note: (text) => void process.stderr.write(`${text}\n`),
  });
  print(result, renderDebian(result, seconds()));
  process.exitCode = result.ok ? 0 : 1;
} else {
  const queries = numberOf('queries', options.queries ?? '100000');
  const folder = options.keep ?? mkdtempSync(join(tmpdir(), 'carnet-differential-'));
  const progress = progressOn(process.stderr, queries);
  const result = runRandom({ queries, seed, folder, progress: progress.show });
  progress.end();
  print(result, renderRandom(result, seconds()));
  process.exitCode = result.differences.length === 0 ? 0 : 1;
}
