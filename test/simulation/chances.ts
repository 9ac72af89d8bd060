import type { Random } from './random.ts';
import type { Time } from './time.ts';

/** Something that lives until it crashes: a broker, or a client that never does. */
export interface Life {
  up: boolean;
}

/** What is promised to one that is gone. */
export const never: Promise<never> = new Promise(() => {});

/** When what a broker asks of its ports happens: at once, or so much later that anything may come in between. */
export interface Chances {
  readonly life: Life;
  /** Carries `act` out and answers with what it says. The answer never comes once the life is over; the act may. */
  later<T>(act: () => T): Promise<T>;
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
  if (random.chance(pace.stalls)) return random.pick([20_000, 120_000, 4_000_000]);
  return messageDelayOf(random, pace);
}

/** The same for what is not taken any more when it is late. */
export function messageDelayOf(random: Random, pace: Pace): number {
  if (random.chance(pace.slow)) return random.between(200, 9_000);
  return 1 + Math.floor(random.next() * 20);
}

export function createChances(life: Life, time: Time, random: Random, pace: Pace): Chances {
  return {
    life,
    later<T>(act: () => T): Promise<T> {
      if (!life.up) return never;
      if (random.next() < pace.atOnce) {
        try {
          return Promise.resolve(act());
        } catch (error) {
          return Promise.reject(error);
        }
      }
      return new Promise<T>((resolve, reject) => {
        time.after(delayOf(random, pace), () => {
          // Whether what was asked for still happens when whoever asked is gone is anyone's guess.
          if (!life.up && random.chance(0.5)) return;
          try {
            const answer = act();
            if (life.up) resolve(answer);
          } catch (error) {
            if (life.up) reject(error);
          }
        });
      });
    },
  };
}
