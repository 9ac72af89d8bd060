import { beginSeed, type Run, type SeedOptions, type SeedResult } from './seed.ts';

/** How many seeds are under way at once: each turn of the event loop steps them all, and then settles their promises. */
const lanesMax = 12;

/**
 * Runs seeds `from` … `from + count - 1`, several side by side. They share nothing, so that the result of each is the same
 * as if it ran alone. Between two steps of a seed everything that was promised at once has happened.
 */
export function runSeeds(
  from: number,
  count: number,
  options: SeedOptions,
  onResult: (result: SeedResult) => void,
  isEnough: () => boolean = () => false,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const lanes: (Run | undefined)[] = Array.from({ length: Math.min(lanesMax, count) });
    let next = from;
    const turn = () => {
      let busy = 0;
      try {
        for (let lane = 0; lane < lanes.length; lane++) {
          let run = lanes[lane];
          if (run === undefined) {
            if (next >= from + count || isEnough()) continue;
            run = beginSeed(next++, options);
            lanes[lane] = run;
          } else {
            const result = run.step();
            if (result !== undefined) {
              lanes[lane] = undefined;
              onResult(result);
            }
          }
          busy += 1;
        }
      } catch (error) {
        reject(error);
        return;
      }
      if (busy === 0) resolve();
      else setImmediate(turn);
    };
    setImmediate(turn);
  });
}
