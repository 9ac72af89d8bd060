import { beginSeed, type Run, type SeedOptions, type SeedResult } from './seed.ts';

/**
 * Runs seeds `from` … `from + count - 1`, one after the other. Between two steps of a seed everything that was promised at
 * once has happened.
 */
export async function runSeeds(
  from: number,
  count: number,
  options: SeedOptions,
  onResult: (result: SeedResult) => void,
  isEnough: () => boolean = () => false,
): Promise<void> {
  for (let seed = from; seed < from + count && !isEnough(); seed++) {
    onResult(await ended(beginSeed(seed, options)));
  }
}

/**
 * Steps a seed until it ends. A callback of `nextTick` that was asked for by a microtask is called when no microtask is left:
 * what a turn of the event loop would do, for a fraction of its price. The loop turns once for each seed.
 */
function ended(run: Run): Promise<SeedResult> {
  return new Promise((resolve, reject) => {
    const step = () => {
      try {
        const result = run.step();
        if (result === undefined) queueMicrotask(next);
        else setImmediate(resolve, result);
      } catch (error) {
        reject(error);
      }
    };
    const next = () => process.nextTick(step);
    setImmediate(step);
  });
}
