import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { delayOf, type Life, never } from '../chances.ts';
import type { Random } from '../random.ts';
import type { Qemu, Surroundings } from './qemu.ts';

/**
 * Tells a QEMU something, where one command follows the other. It may be done without an answer, or long after nobody waits
 * for one any more: then `onLate` is called at once. Chance is drawn `from` what is said, as a rule from `random`.
 */
type Tell = <T>(act: () => T, from?: Random, onLate?: () => void) => Promise<T>;

const commandMsMax = 5_000;

/** The monitor of a QEMU, in the hands of one broker. */
export function monitorOf({ time, random, pace }: Surroundings, qemu: Qemu, life: Life): Tell {
  return <T>(act: () => T, from = random, onLate = () => {}): Promise<T> => {
    if (!life.up) return never();
    const nowMs = time.nowMs();
    const freeAtMs = Math.max(qemu.toldUntilMs, qemu.silentUntilMs);
    if (qemu.alive && freeAtMs <= nowMs && from.next() < pace.atOnce) {
      try {
        return Promise.resolve(act());
      } catch (error) {
        return Promise.reject(error);
      }
    }
    const atMs = Math.max(freeAtMs, nowMs + delayOf(from, pace));
    qemu.toldUntilMs = atMs;
    return new Promise((resolve, reject) => {
      const late = atMs - nowMs > commandMsMax;
      if (late) {
        onLate();
        time.after(commandMsMax, () => {
          if (life.up) reject(new BrokerError('QEMU_TIMEOUT', 'its monitor is silent'));
        });
      }
      time.after(atMs - nowMs, () => {
        if (!life.up && from.chance(0.5)) return;
        if (!qemu.alive) {
          if (life.up) reject(new BrokerError('QEMU_FAILED', 'its monitor is closed'));
          return;
        }
        try {
          const answer = act();
          if (life.up) resolve(answer);
        } catch (error) {
          if (life.up) reject(error);
        }
      });
    });
  };
}
