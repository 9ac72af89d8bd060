import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import net from 'node:net';
import type { FileLabels } from '../../services/broker/checkpoints/file-labels.ts';
import type { About } from '../../services/broker/checkpoints/seal.ts';
import type { CheckpointDraft, Checkpoints } from '../../services/broker/runtime/ports.ts';
import { PAGE_BYTES } from '../../services/broker/vmstate/wire.ts';
import { type CheckpointId, checkpointId, newId } from '../../shared/ids.ts';
import { label } from '../../shared/label/label.ts';
import { check, type Schema } from '../../shared/schema/schema.ts';
import { type Manifest, manifest } from '../../shared/vm/carnet.ts';
import { vmSpec } from '../../shared/vm/spec.ts';
import { testMachine } from './vmstate-qemu.ts';
import * as s from './vmstate-stream.ts';

/** A value that has to pass its check. */
export function sound<T>(schema: Schema<T>, value: unknown): T {
  const checked = check(schema, value);
  if (!checked.ok) throw new Error(checked.problems.join('; '));
  return checked.value as T;
}

export const stateLabel = sound(label, 'system_u:object_r:vm_user_state_t:s0:c1,c2');
export const vmLabel = sound(label, 'system_u:system_r:vm_user_t:s0:c1,c2');
const diskLabel = sound(label, 'system_u:object_r:qemu_virtdisk_t:s0');

const disk = { name: 'root.img', role: 'disk', format: 'raw' } as const;
/** A VM with a disk it writes, one it only reads, and 16 MiB of memory, or as much as the real QEMU of the tests has. */
export const specOf = (memoryMiB = 16) =>
  sound(vmSpec, {
    name: 'web',
    uuid: testMachine.uuidText,
    memoryMiB,
    images: [disk, { ...disk, name: 'data.img', readonly: true }],
  });

/** What is said of a checkpoint beside its files, at `takenAtMs`. */
export const aboutOf = (host: string, takenAtMs = 1, memoryMiB = 16): About => {
  const spec = specOf(memoryMiB);
  const images = spec.images.map((image) => ({
    spec: image,
    label: diskLabel,
    sizeBytes: 1,
    pool: testMachine.uuidText,
  }));
  const digest = '0'.repeat(64);
  const file = { bytes: 0, digest };
  const { version, checkpoint, memory, devices, disks, ...about } = sound<Manifest>(manifest, {
    ...{ version: 1, checkpoint: idOf(1), memory: file, devices: file, disks: [] },
    carnet: { version: 1, spec, label: vmLabel, images, accelerator: 'tcg', host, epoch: 3, policyDigest: digest },
    ...{ takenAtMs, takenFor: 'operator', stateLabel, pauseMs: 4 },
  });
  return about;
};

/** Ids in the order of their number. */
export const idOf = (number: number): CheckpointId =>
  sound(checkpointId, newId('cp', number, new Uint8Array(10).fill(number)));

/** The state of that VM: 16 MiB of memory with some pages in use. */
export function guestStream(): Buffer {
  const pages = (16 * 1024 * 1024) / PAGE_BYTES;
  const list = s.blockList([
    ['pc.ram', pages * PAGE_BYTES],
    ['pc.bios', PAGE_BYTES],
  ]);
  const records = [s.page(0, 1, 'pc.ram')];
  for (let page = 1; page < pages; page++) {
    records.push(page % 50 === 0 ? s.page(page * PAGE_BYTES, page % 251) : s.zeroPage(page * PAGE_BYTES));
  }
  records.push(s.page(0, 9, 'pc.bios'));
  return s.stream({ commands: Buffer.alloc(0), start: s.start(list), pages: s.part(s.join(...records)) });
}

/** Labels in memory, for file systems that keep none and to see what was labelled. */
export function memoryLabels(): FileLabels & { written: string[] } {
  const labels = new Map<number, string>();
  const written: string[] = [];
  return {
    written,
    async write(fd, value) {
      labels.set(fd, value);
      written.push(value);
      return true;
    },
    read: async () => undefined,
  };
}

/** Sends a stream to a draft, and fills the copies of its disks. */
export async function fill(draft: CheckpointDraft, stream: Uint8Array = guestStream()): Promise<void> {
  for (const { path } of draft.disks) appendFileSync(path, Buffer.alloc(1_500_000, 0x5a));
  const socket = net.connect(draft.streamPath).on('error', () => {});
  socket.end(stream);
  await draft.received;
  if (!socket.closed) await once(socket, 'close');
}

/** A whole checkpoint. */
export async function take(checkpoints: Checkpoints, host: string, number = 1): Promise<Manifest> {
  const draft = await checkpoints.begin(idOf(number), specOf(), stateLabel);
  await fill(draft);
  return draft.seal(aboutOf(host, number));
}
