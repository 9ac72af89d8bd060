import type { Random } from './random.ts';
import type { Time } from './time.ts';

/** Something that lives until it crashes: a broker, or a client that never does. */
export interface Life {
  up: boolean;
}

/** What is promised to one that is gone: each time anew, as a promise keeps whoever waits for it. */
export const never = (): Promise<never> => new Promise(() => {});

/** When what a broker asks of its ports happens: at once, or so much later that anything may come in between. */
export interface Chances {
  readonly life: Life;
  /** Carries `act` out and answers with what it says. Neither comes once the life is over. */
  later<T>(act: () => T): Promise<T>;
  /** The same for what may go on for hours. */
  muchLater<T>(act: () => T): Promise<T>;
}

/** How long things take in one seed. */
export interface Pace {
  /** How often a port answers within the step that asked. */
  readonly atOnce: number;
  /** How often it takes seconds. */
  readonly slow: number;
  /** How often it takes longer than any state may last. */
  readonly stalls: number;
}

/** A delay in ms: mostly a few, sometimes long enough that others overtake. */
export function delayOf(random: Random, pace: Pace): number {
  if (random.chance(pace.stalls)) return random.pick([20_000, 120_000]);
  return messageDelayOf(random, pace);
}

/** The same for what may go on for hours. */
export function longDelayOf(random: Random, pace: Pace): number {
  return random.chance(pace.stalls) ? 4_000_000 : delayOf(random, pace);
}

/** The same for what is not taken any more when it is late. */
export function messageDelayOf(random: Random, pace: Pace): number {
  if (random.chance(pace.slow)) return random.between(200, 9_000);
  return 1 + Math.floor(random.next() * 20);
}

export function createChances(life: Life, time: Time, random: Random, pace: Pace): Chances {
  const within =
    (delay: typeof delayOf) =>
    <T>(act: () => T): Promise<T> => {
      if (!life.up) return never();
      if (random.next() < pace.atOnce) {
        try {
          return Promise.resolve(act());
        } catch (error) {
          return Promise.reject(error);
        }
      }
      return new Promise<T>((resolve, reject) => {
        time.after(delay(random, pace), () => {
          if (!life.up) return;
          try {
            resolve(act());
          } catch (error) {
            reject(error);
          }
        });
      });
    };
  return { life, later: within(delayOf), muchLater: within(longDelayOf) };
}
