import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { counterOffset, sectorBytes } from '../guest/init.ts';
import { type GuestLine, parseGuestLine } from './console.ts';
import { need } from './expect.ts';
import type { Stage } from './stage.ts';

/** The VM's disk, in the pool that the hosts share. */
export const poolDisk = (stage: Stage): string => join(stage.layout.pool, stage.disk);

/** The disk as a checkpoint has it. */
export const savedDisk = (stage: Stage, checkpoint: string): string =>
  join(stage.layout.checkpoints, checkpoint, `disk-${stage.disk}`);

/**
 * What the guest wrote into a qcow2 image, which no QEMU may have open: read by qemu-io out of the image itself. Fails
 * where the guest wrote nothing.
 */
export async function readDisk(image: string): Promise<GuestLine> {
  const read = `read -v ${counterOffset} ${sectorBytes}`;
  const { stdout } = await promisify(execFile)('qemu-io', ['-r', '-f', 'qcow2', '-c', read, image]);
  const [line = ''] = parseDump(stdout).toString('latin1').split('\n');
  return need(parseGuestLine(line), `what the guest wrote, in ${image}`);
}

/** The bytes of qemu-io's dump: lines of an offset, sixteen bytes in hex and the same as text. */
export const parseDump = (text: string): Buffer =>
  Buffer.from(
    [...text.matchAll(/^[0-9a-f]{8,}: {2}((?:[0-9a-f]{2} )+)/gm)]
      .map(([, bytes = '']) => bytes.replaceAll(' ', ''))
      .join(''),
    'hex',
  );
