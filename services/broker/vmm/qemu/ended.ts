import { readFileSync } from 'node:fs';
import type { Clock } from '../../../../shared/time/clock.ts';

/** A process that was seen: its id, and when it started in clock ticks since boot, so that a reused id is told apart. */
export interface Seen {
  readonly pid: number;
  readonly startTime: string;
}

/** Fields of /proc/PID/stat after the command's name, which may itself hold spaces and brackets. See proc(5). */
const stateField = 0;
const startTimeField = 19;

/** When the process of that id started, or nothing where it has ended; one that waits to be reaped has ended. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[stateField] === 'Z' || fields[stateField] === 'X' ? undefined : fields[startTimeField];
  } catch {
    return undefined;
  }
}

export const isAlive = (seen: Seen): boolean => startTimeOf(seen.pid) === seen.startTime;

/** Waits until the process is gone, at most `limitMs`; false when it is still there. */
export async function waitGone(clock: Clock, seen: Seen, limitMs: number): Promise<boolean> {
  const untilMs = clock.nowMs() + limitMs;
  for (let delayMs = 1; isAlive(seen); delayMs = Math.min(delayMs * 2, 50)) {
    if (clock.nowMs() >= untilMs) return false;
    await delay(clock, delayMs);
  }
  return true;
}

/** Ends the process at once and waits until it is gone. Does nothing to another process that has its id by now. */
export async function killNow(clock: Clock, seen: Seen): Promise<boolean> {
  if (isAlive(seen)) {
    try {
      process.kill(seen.pid, 'SIGKILL');
    } catch {
      return !isAlive(seen);
    }
  }
  return waitGone(clock, seen, 5_000);
}

/** Waits by the clock. A clock's timers do not keep this process alive by themselves; what waits for another one must. */
export async function delay(clock: Clock, ms: number): Promise<void> {
  const hold = setInterval(() => {}, 2 ** 30);
  try {
    await new Promise<void>((resolve) => {
      clock.after(ms, resolve);
    });
  } finally {
    clearInterval(hold);
  }
}
