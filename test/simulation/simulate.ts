import type { Logger } from '../../shared/log/logger.ts';
import { type CoverageFigures, createCoverage } from './coverage.ts';
import { mutationOf } from './mutations.ts';
import { runSeeds } from './run-seeds.ts';
import type { SeedOptions } from './seed.ts';

export interface SimulateOptions {
  readonly seeds: number;
  readonly from: number;
  readonly hosts?: number | undefined;
  readonly vms?: number | undefined;
  readonly hard?: boolean | undefined;
  /** The name of a mutation; see mutations.ts. */
  readonly mutate?: string | undefined;
  /** Ends at the first violation. */
  readonly untilFirst?: boolean;
}

export interface Report {
  readonly seeds: number;
  readonly violations: readonly {
    readonly seed: number;
    readonly what: readonly string[];
    readonly transcript: readonly string[];
  }[];
  readonly unhealed: number;
  readonly coverage: CoverageFigures;
  readonly steps: number;
}

const transcriptsMax = 3;
const violationsMax = 20;
const linesMax = 150;

/** Runs seeds and reports. A violating seed is run once more for its transcript. */
export async function simulate(options: SimulateOptions): Promise<Report> {
  const mutation = options.mutate === undefined ? undefined : mutationOf(options.mutate);
  if (options.mutate !== undefined && mutation === undefined) throw new Error(`no mutation ${options.mutate}`);
  Error.stackTraceLimit = 0;
  const coverage = createCoverage();
  const seedOptions: SeedOptions = { hosts: options.hosts, vms: options.vms, hard: options.hard, mutation, coverage };
  const found: { seed: number; what: readonly string[] }[] = [];
  let seeds = 0;
  let unhealed = 0;
  let steps = 0;
  const enough = options.untilFirst ? 1 : violationsMax;
  await runSeeds(
    options.from,
    options.seeds,
    seedOptions,
    (result) => {
      seeds += 1;
      steps += result.steps;
      if (result.unhealed) unhealed += 1;
      if (result.violations.length > 0) found.push({ seed: result.seed, what: result.violations });
    },
    () => found.length >= enough,
  );
  const violations: { seed: number; what: readonly string[]; transcript: readonly string[] }[] = [];
  for (const { seed, what } of found) {
    const transcript = violations.length < transcriptsMax ? await transcriptOf(seed, seedOptions) : [];
    violations.push({ seed, what, transcript });
  }
  return { seeds, violations, unhealed, coverage: coverage.figures(), steps };
}

async function transcriptOf(seed: number, options: SeedOptions): Promise<string[]> {
  const lines: string[] = [];
  await runSeeds(seed, 1, { ...options, log: (nowMs) => recordingLogger(lines, nowMs, {}) }, () => {});
  return lines.length <= linesMax
    ? lines
    : [...lines.slice(0, linesMax), `… and ${lines.length - linesMax} lines more`];
}

function recordingLogger(lines: string[], nowMs: () => number, carried: object): Logger {
  const write = (sentence: string, fields: object = {}) => {
    const said = Object.entries({ ...carried, ...fields })
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`);
    lines.push(`${String(nowMs()).padStart(7)} ${sentence} ${said.join(' ')}`.slice(0, 300));
  };
  return {
    debug: write,
    info: write,
    warn: write,
    error: write,
    with: (fields) => recordingLogger(lines, nowMs, { ...carried, ...fields }),
  };
}
