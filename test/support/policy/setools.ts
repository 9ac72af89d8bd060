import { spawnSync } from 'node:child_process';

/** The rules sesearch finds in a binary policy, one text each. */
export function sesearch(file: string, options: readonly string[]): string[] {
  const run = spawnSync('sesearch', [...options, file], { encoding: 'utf8', maxBuffer: 512 * 1024 * 1024 });
  if (run.status !== 0) throw new Error(`sesearch ${options.join(' ')}: ${run.stderr}`);
  return run.stdout.split('\n').filter((line) => line !== '');
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
