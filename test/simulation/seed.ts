import type { Logger } from '../../shared/log/logger.ts';
import type { Coverage } from './coverage.ts';
import { createFleet } from './fleet.ts';
import type { Mutation } from './mutations.ts';
import { createRandom } from './random.ts';
import { createScenario } from './scenario.ts';
import { atRest, judgeEnd } from './verdict.ts';

export interface SeedOptions {
  /** 2 or 3 of each where nothing is said, as the seed has it. */
  readonly hosts: number | undefined;
  readonly vms: number | undefined;
  /** More goes wrong, and what is asked of the world takes longer than it should far more often: what is rare is not. */
  readonly hard?: boolean | undefined;
  readonly mutation: Mutation | undefined;
  readonly coverage: Coverage;
  /** Makes the log that the seed is told in. */
  readonly log?: (nowMs: () => number) => Logger;
}

export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Something of it never mended, so that nothing was asked of its end. */
  readonly unhealed: boolean;
  readonly steps: number;
}

/** One seed under way. `step` makes the next thing happen, or answers how it went. */
export interface Run {
  step(): SeedResult | undefined;
}

/** After this long with nothing broken no operation may wait any more. */
const patienceMs = 5 * 3_600_000;
/** Every host must have looked at its records once more before the end is judged. */
const settleMs = 50_000;
const calmMs = 40_000;
const stallMs = 260_000;
const stepsMax = 30_000;

export function beginSeed(seed: number, options: SeedOptions): Run {
  const random = createRandom(seed);
  const hosts = options.hosts ?? random.pick([2, 2, 3]);
  const vms = options.vms ?? random.pick([1, 1, 1, 2, 2, 3]);
  const { mutation, log, coverage, hard = false } = options;
  const added = createRandom(seed + 2 ** 40);
  const fenced = createRandom(seed + 2 ** 41);
  const pulls = createRandom(seed + 2 ** 42);
  const fleet = createFleet({ random, added, fenced, pulls, hosts, vms, hard, mutation, log, coverage });
  const scenario = createScenario(fleet, hard);
  const { time, truth } = fleet;
  let steps = 0;
  let overAtMs = 0;
  let restAtMs = 0;

  const result = (): SeedResult => ({ seed, violations: [...truth.violations], unhealed: scenario.lasts, steps });

  return {
    step() {
      if (truth.violations.length > 0) return result();
      const rests = atRest(fleet);
      scenario.beforeStep(steps, rests);
      if (scenario.over()) {
        if (overAtMs === 0) overAtMs = time.nowMs();
        if (rests) {
          if (restAtMs === 0) restAtMs = time.nowMs();
        } else restAtMs = 0;
        const idle = time.nextAtMs() === Number.POSITIVE_INFINITY;
        const rested =
          restAtMs > 0 &&
          time.nextAtMs() - restAtMs > (fleet.pace.stalls > 0 ? stallMs : scenario.calm ? calmMs : settleMs);
        if (rested || (scenario.lasts && (idle || time.nowMs() - overAtMs > settleMs))) {
          if (!scenario.lasts) judgeEnd(fleet, scenario);
          return result();
        }
        truth.must(time.nowMs() - overAtMs < patienceMs && steps < stepsMax, 'an operation waits for ever');
      }
      steps += 1;
      time.step();
      return undefined;
    },
  };
}
