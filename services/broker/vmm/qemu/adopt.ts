import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { VmName } from '../../../../shared/ids.ts';
import { isAlive } from './ended.ts';
import { type Host, placeOf } from './host.ts';
import type { Launched } from './launch.ts';
import { createLink } from './link.ts';
import { readRecord } from './record.ts';
import { nameReply, readReply } from './replies.ts';
import { endUnrecorded } from './unrecorded.ts';

/**
 * The QEMU of a VM that an earlier broker started: its record names a process that is there and started when the record
 * says. Where there is none, what was left of it is removed and the answer is nothing. Rejects with QEMU_FAILED,
 * QEMU_TIMEOUT or QEMU_PROTOCOL where the process is there and cannot be spoken to.
 */
export async function adoptQemu(host: Host, vm: VmName): Promise<Launched | undefined> {
  const place = placeOf(host, vm);
  const record = readRecord(place.recordPath);
  if (record === undefined) {
    if (existsSync(place.dir)) {
      await endUnrecorded(host, place);
      await rm(place.dir, { recursive: true, force: true });
    }
    return undefined;
  }
  if (record.vm !== vm || !isAlive(record)) {
    await rm(place.dir, { recursive: true, force: true });
    return undefined;
  }
  const link = createLink(place.qmpPath, host.clock);
  try {
    const { name } = readReply(nameReply, await link.execute('query-name'), 'name');
    if (name !== vm) throw new BrokerError('QEMU_PROTOCOL', `the QEMU of ${vm} says that it is ${name}`);
    return { place, record, link };
  } catch (error) {
    link.release();
    throw error;
  }
}
