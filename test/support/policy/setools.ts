import { spawnSync } from 'node:child_process';

/** Runs sesearch once for each list of options, in one Python (the system's, which has setools), as starting it takes longer than a search. */
const everySearch = `
import io, json, runpy, shutil, sys
from contextlib import redirect_stdout
program = shutil.which('sesearch')
found = []
for options in json.load(sys.stdin):
    sys.argv = ['sesearch', *options, sys.argv[-1]]
    out = io.StringIO()
    try:
        with redirect_stdout(out):
            runpy.run_path(program, run_name='__main__')
    except SystemExit as end:
        if end.code:
            raise
    found.append(out.getvalue().splitlines())
json.dump(found, sys.stdout)
`;

/** The rules sesearch finds in a binary policy, one text each, for each of the lists of options. */
export function sesearch(file: string, searches: readonly (readonly string[])[]): string[][] {
  const run = spawnSync('/usr/bin/python3', ['-c', everySearch, file], {
    input: JSON.stringify(searches),
    encoding: 'utf8',
    maxBuffer: 512 * 1024 * 1024,
  });
  if (run.status !== 0) throw new Error(`sesearch: ${run.stderr}`);
  return (JSON.parse(run.stdout) as string[][]).map((lines) => lines.filter((line) => line !== ''));
}

/**
 * Rules as texts that can be compared: libsepol keeps some conditional rules apart that we keep as one, writes brackets
 * around conditions, and setools leaves the quotes off file names. Sorted, none twice.
 */
export function comparable(rules: readonly string[]): string[] {
  const perms = new Map<string, Set<string>>();
  for (const rule of rules) {
    const [text = '', condition = ''] = rule.split(';');
    const words = condition.replace(/[()]/g, '').split(' ').sort().join(' ').trim();
    const [, key, list] = /^((?:allow|auditallow|dontaudit) \S+ \S+:\S+) (.*)$/.exec(text) ?? [];
    const whole = `${key ?? text.replaceAll('"', '')}; ${words}`;
    const known = perms.get(whole) ?? new Set();
    for (const perm of list?.match(/\w+/g) ?? []) known.add(perm);
    perms.set(whole, known);
  }
  return [...perms].map(([rule, names]) => `${rule} ${[...names].sort().join(' ')}`).sort();
}

/** What seinfo counts in a binary policy, by its names. */
export function seinfo(file: string): Map<string, number> {
  const run = spawnSync('seinfo', [file], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`seinfo: ${run.stderr}`);
  return new Map(
    [...run.stdout.matchAll(/([A-Z][\w. ]*?): +(\d+)/g)].map(([, name = '', count]) => [name, Number(count)]),
  );
}

/** What sediff says of two binary policies: nothing when they are equal. */
export function sediff(first: string, second: string): string {
  const run = spawnSync('sediff', [first, second], { encoding: 'utf8', maxBuffer: 512 * 1024 * 1024 });
  return run.status === 0 ? run.stdout.trim() : `sediff failed: ${run.error?.message ?? run.stderr}`;
}
