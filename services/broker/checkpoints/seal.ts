import type { CheckpointId, ImageName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import { sealRecord } from '../../../shared/messages/record-seal.ts';
import type { Identity } from '../../../shared/pki/identity.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { Manifest } from '../../../shared/vm/carnet.ts';
import { digestOfList } from './digest.ts';
import { digestFile } from './digest-file.ts';
import type { DraftFiles } from './draft-files.ts';
import type { FileLabels } from './file-labels.ts';
import { file, sealedMode } from './layout.ts';

/** Who signs, and how files are labelled. */
export interface Sealer {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly labels: FileLabels;
}

/** What a manifest says beside the files. */
export type About = Omit<Manifest, 'version' | 'checkpoint' | 'memory' | 'devices' | 'disks'>;

/**
 * Hashes the files of a draft, signs the manifest over them, makes everything durable and read-only. The draft is then a
 * checkpoint but for its name.
 */
export async function sealFiles(
  checkpoint: CheckpointId,
  files: DraftFiles,
  about: About,
  { identity, clock }: Sealer,
): Promise<Manifest> {
  const lists: Buffer[] = [];
  const digested = async (name: string) => {
    const handle = files.of(name);
    const { size: bytes } = await handle.stat();
    const list = await digestFile(handle.fd, bytes);
    lists.push(list);
    return { bytes, digest: digestOfList(list) };
  };
  const memory = await digested(file.memory);
  const devices = await digested(file.devices);
  const disks: Manifest['disks'] = [];
  for (const { spec } of files.disks) {
    disks.push({ spec, label: labelOf(about, spec.name), ...(await digested(file.disk(spec.name))) });
  }
  const manifest: Manifest = { version: 1, checkpoint, ...about, memory, devices, disks };
  await (await files.create(file.digests)).writeFile(Buffer.concat(lists));
  await (await files.create(file.manifest)).writeFile(
    sealRecord(identity, `manifest/${checkpoint}`, manifest, clock.nowMs()),
  );
  for (const name of files.names()) {
    await files.of(name).chmod(modeOf(name));
    await files.of(name).sync();
  }
  return manifest;
}

function labelOf({ carnet }: About, image: ImageName): Label {
  const label = carnet.images.find(({ spec }) => spec.name === image)?.label;
  if (label === undefined) throw new Error(`the carnet has no image ${image}, which the draft holds`);
  return label;
}

/**
 * Saved files are read-only, but QEMU opens the memory file for writing even where it maps it privately and never writes. The
 * superuser may; for another user the file has to stay writable by its owner, and only its digest guards it.
 */
const modeOf = (name: string): number => (name === file.memory && process.geteuid?.() !== 0 ? 0o600 : sealedMode);
