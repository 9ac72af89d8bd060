import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { buildPolicydb } from '../../policy/build/build.ts';
import { parsePolicy } from '../../policy/language/parse.ts';
import type { Diagnostic } from '../../policy/policy.ts';
import { withTemporaryFolder } from '../support/policy/checkpolicy.ts';
import type { Case } from './accept-reject/case.ts';
import { classes } from './accept-reject/classes.ts';
import { conditionals } from './accept-reject/conditionals.ts';
import { constraints } from './accept-reject/constraints.ts';
import { describedCases } from './accept-reject/described.ts';
import { devices } from './accept-reject/devices.ts';
import { givenOnce } from './accept-reject/given-once.ts';
import { labels } from './accept-reject/labels.ts';
import { optionals } from './accept-reject/optionals.ts';
import { roles } from './accept-reject/roles.ts';
import { rules } from './accept-reject/rules.ts';
import { types } from './accept-reject/types.ts';
import { words } from './accept-reject/words.ts';
import { xperms } from './accept-reject/xperms.ts';

/** Every case is put to both; what is written in the tables is what both must say. */
const tables: Readonly<Record<string, readonly Case[]>> = {
  classes,
  types,
  rules,
  xperms,
  conditionals,
  optionals,
  'what may stand once': givenOnce,
  roles,
  constraints,
  labels,
  devices,
  words,
  'several statements': describedCases,
};

/** The errors of the engine; none when it takes the policy. */
function errorsOf({ text, target }: Case): readonly Diagnostic[] {
  const parsed = parsePolicy([{ file: 'policy.conf', text }]);
  const db = buildPolicydb(parsed, { target });
  const errors = parsed.diagnostics.found.filter(({ severity }) => severity === 'error');
  assert.equal(db === undefined, errors.length > 0);
  return errors;
}

interface Verdict {
  readonly accepted: boolean;
  /** Of the first error, where checkpolicy names one. */
  readonly line?: number;
}

/** What checkpolicy says of each case. One shell runs them all: starting each from here would take longer than it runs. */
function askCheckpolicy(folder: string, cases: readonly Case[]): Verdict[] {
  const commands = cases.map(({ text, target }, index) => {
    writeFileSync(join(folder, `${index}.conf`), text);
    const flags = target === 'xen' ? '-t xen -c 30' : '';
    return `checkpolicy -M ${flags} -o /dev/null ${index}.conf >/dev/null 2>${index}.err && echo ${index}`;
  });
  const run = spawnSync('sh', ['-s'], { cwd: folder, input: `${commands.join('\n')}\ntrue\n`, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  const accepted = new Set(run.stdout.trim().split('\n').map(Number));
  return cases.map((_, index) => {
    if (accepted.has(index)) return { accepted: true };
    const said = readFileSync(join(folder, `${index}.err`), 'utf8');
    const found = /ERROR '.*' at token '.*' on line (\d+)|neverallow(?:xperm)? on line (\d+)/.exec(said);
    const line = found?.[1] ?? found?.[2];
    return line === undefined ? { accepted: false } : { accepted: false, line: Number(line) };
  });
}

describe('what checkpolicy takes is taken, what it refuses is refused', () => {
  for (const [name, cases] of Object.entries(tables)) {
    const found = cases.map(errorsOf);

    it(`of ${name}, and every message says what to do`, () => {
      cases.forEach(({ title, accepted }, index) => {
        const errors = found[index] ?? [];
        assert.equal(errors.length === 0, accepted, `${title}: ${errors[0]?.message ?? 'taken'}`);
        for (const { hint, message } of errors) assert.ok(hint !== undefined && hint !== '', `${title}: ${message}`);
      });
    });

    it(`of ${name}, as checkpolicy does, and the first error is on the same line`, () => {
      const theirs = withTemporaryFolder((folder) => askCheckpolicy(folder, cases));
      cases.forEach(({ title, accepted }, index) => {
        assert.equal(theirs[index]?.accepted, accepted, title);
        const line = theirs[index]?.line;
        if (line !== undefined) assert.equal(found[index]?.[0]?.line, line, title);
      });
    });
  }
});
