import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { counterLine } from '../guest/init.ts';
import { StepFailed } from './expect.ts';

/** What the guest printed: which boot it is, and how far its counter in memory has come. */
export interface GuestLine {
  readonly boot: string;
  readonly count: number;
}

/** How far a console file goes at this moment; what comes later is read from there. */
export const consoleEnd = (path: string): number => {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
};

/** The whole lines of the guest in a console file, from a byte on. */
export function guestLines(path: string, fromByte: number): GuestLine[] {
  const text = readFrom(path, fromByte);
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line) => {
      const [, boot, count] = counterLine.exec(line) ?? [];
      return boot === undefined ? [] : [{ boot, count: Number(count) }];
    });
}

function readFrom(path: string, fromByte: number): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - fromByte));
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, fromByte));
  } finally {
    closeSync(fd);
  }
}

const pollMs = 50;

/** Waits until the guest has printed what is wanted after that byte. Fails with what was waited for when it takes too long. */
export async function untilGuest(
  path: string,
  fromByte: number,
  wanted: (lines: readonly GuestLine[]) => boolean,
  what: string,
  options: { signal: AbortSignal; timeoutMs?: number },
): Promise<readonly GuestLine[]> {
  const deadlineMs = performance.now() + (options.timeoutMs ?? 60_000);
  for (;;) {
    const lines = guestLines(path, fromByte);
    if (wanted(lines)) return lines;
    if (performance.now() > deadlineMs) {
      const last = lines.at(-1);
      throw new StepFailed(
        `${what}: waited in vain; ${last === undefined ? 'the guest printed nothing' : `the last count was ${last.count}`}`,
      );
    }
    await delay(pollMs, undefined, { signal: options.signal });
  }
}
