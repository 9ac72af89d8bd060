import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { counterLine } from '../guest/init.ts';
import { expect, StepFailed } from './expect.ts';

/** What the guest printed: which boot it is, how far its counter in memory has come, and the count it found on its disk. */
export interface GuestLine {
  readonly boot: string;
  readonly count: number;
  readonly disk: number;
}

/** A line the guest printed, or nothing where it is something else. */
export function parseGuestLine(line: string): GuestLine | undefined {
  const [, boot, count, disk] = counterLine.exec(line) ?? [];
  return boot === undefined ? undefined : { boot, count: Number(count), disk: Number(disk) };
}

/** Fails unless the guest always found on its disk what it had written last: the disk belongs to the memory. */
export function expectOwnDisk(lines: readonly GuestLine[]): void {
  const other = lines.find(({ count, disk }) => disk !== count - 1);
  expect(other === undefined, 'the disk holds the count before', `${other?.disk} on the disk at count ${other?.count}`);
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
    .flatMap((line) => parseGuestLine(line) ?? []);
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
