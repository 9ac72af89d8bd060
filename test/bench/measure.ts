import { spawnSync } from 'node:child_process';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Milliseconds that `body` takes. */
export function timeMs(body: () => void): number {
  const start = process.hrtime.bigint();
  body();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

/** Medians of two that are measured in turns, each first as often as the other, so that a slow machine is slow for both. */
export function inTurns(rounds: number, ours: () => number, theirs: () => number): { ours: number; theirs: number } {
  const [our, their]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) our.push(ours());
    their.push(theirs());
    if (round % 2 === 1) our.push(ours());
  }
  return { ours: median(our), theirs: median(their) };
}

interface RunOptions {
  readonly input?: string;
  /** Besides this process's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end and answers its output. @throws where it cannot be run, fails or takes ten minutes. */
export function runToEnd(program: string, args: readonly string[], { input = '', env }: RunOptions = {}): string {
  const run = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    timeout: 600_000,
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
  if (run.status === 0) return run.stdout;
  throw new Error(`${program}: ${run.error?.message ?? run.stderr.trim().split('\n').slice(-2).join(' · ')}`);
}
