import type { DebianResult } from './debian-run.ts';
import type { RandomResult } from './random-run.ts';

/** A run over random policies, for people. */
export function renderRandom(
  { seed, queries, policies, refused, telling, differences }: RandomResult,
  seconds: number,
): string {
  const kinds = Object.entries(telling).map(([kind, count]) => `  ${`${kind}:`.padEnd(16)} ${count}\n`);
  const found = differences.map(({ seed: at, what, question, before, libsepol, engine, policy }) =>
    [
      `difference in ${what}, seed ${at}, policy ${policy}`,
      ...(question === undefined ? [] : [`  question: ${JSON.stringify(question)}`]),
      ...(before === undefined || before.length === 0 ? [] : [`  after:    ${JSON.stringify(before)}`]),
      `  libsepol: ${libsepol.trim()}`,
      `  engine:   ${engine}\n`,
    ].join('\n'),
  );
  const total = `${queries} queries to ${policies} policies (${refused} more refused by both), seed ${seed}, ${seconds} s`;
  return `${total}\nanswers that say something:\n${kinds.join('')}${found.join('')}${verdict(differences.length)}`;
}

/** A run over Debian's policies, for people. */
export function renderDebian({ policies }: DebianResult, seconds: number): string {
  const parts = policies.map(({ name, steps, differences }) =>
    [
      `selinux-policy-${name}`,
      ...steps.map(({ what, ok, figures }) => `  ${ok ? '✓' : '✗'} ${what}${figures === '' ? '' : `: ${figures}`}`),
      ...differences.slice(0, 10).map((one) => `    ${JSON.stringify(one)}`),
    ].join('\n'),
  );
  const failed = policies.flatMap(({ steps }) => steps.filter(({ ok }) => !ok)).length;
  return `${parts.join('\n')}\n${seconds} s\n${verdict(failed)}`;
}

function verdict(count: number): string {
  return count === 0 ? 'no difference\n' : `${count} ${count === 1 ? 'difference' : 'differences'}\n`;
}
