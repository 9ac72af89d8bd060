import { readdirSync, readFileSync } from 'node:fs';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { escaped } from './arguments.ts';
import { killNow, type Seen, startTimeOf } from './ended.ts';
import type { Host, Place } from './host.ts';

/**
 * Ends every process that was started with that monitor socket. An earlier broker spawned it and did not get as far as its
 * record, so it never ran a guest, as only a recorded one is told to; it may be too young to have made the socket.
 */
export async function endUnrecorded(host: Host, place: Place): Promise<void> {
  for (const seen of startedWith(`path=${escaped(place.qmpPath)},`)) {
    if (!(await killNow(host.clock, seen))) throw new BrokerError('QEMU_TIMEOUT', `process ${seen.pid} does not end`);
  }
}

function startedWith(text: string): Seen[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || !commandOf(pid).includes(text)) return [];
    const startTime = startTimeOf(pid);
    return startTime === undefined ? [] : [{ pid, startTime }];
  });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
