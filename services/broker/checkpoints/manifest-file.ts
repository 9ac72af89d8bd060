import { hash } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId } from '../../../shared/ids.ts';
import { limits } from '../../../shared/limits.ts';
import { openRecord } from '../../../shared/messages/record-seal.ts';
import type { Trust } from '../../../shared/pki/trust.ts';
import { type Manifest, manifest as manifestSchema } from '../../../shared/vm/carnet.ts';
import { problemsOf } from '../../../shared/vm/spec.ts';
import { writableDisks } from './draft-files.ts';
import { isMissing, readPlainFile } from './files.ts';
import { file } from './layout.ts';

export const damaged = (checkpoint: CheckpointId, what: string, cause?: unknown): BrokerError =>
  new BrokerError('CHECKPOINT_DAMAGED', `${checkpoint}: ${what}`, cause === undefined ? {} : { cause });

/**
 * Reads the manifest in `directory` and checks its signature, that the host it names signed it, and that it is this
 * checkpoint's. `digest` is SHA-256 of the signed record, in hex. CHECKPOINT_UNKNOWN where there is none,
 * CHECKPOINT_DAMAGED for everything else that is not right.
 */
export async function readManifest(
  directory: string,
  checkpoint: CheckpointId,
  trust: Trust,
): Promise<{ manifest: Manifest; digest: string }> {
  const record = await readRecord(directory, checkpoint);
  let opened: ReturnType<typeof openRecord<Manifest>>;
  try {
    opened = openRecord(record, `manifest/${checkpoint}`, manifestSchema, trust);
  } catch (error) {
    throw damaged(
      checkpoint,
      `the manifest is not what a host of this fleet signed: ${(error as Error).message}`,
      error,
    );
  }
  const { body: manifest, writer } = opened;
  if (writer.role !== 'host' || writer.name !== manifest.carnet.host) {
    throw damaged(checkpoint, `the manifest is of ${manifest.carnet.host} and signed by ${writer.role} ${writer.name}`);
  }
  if (manifest.checkpoint !== checkpoint) throw damaged(checkpoint, `the manifest is that of ${manifest.checkpoint}`);
  const problems = problemsOf(manifest.carnet.spec);
  if (problems.length > 0) throw damaged(checkpoint, `the VM it describes cannot be: ${problems.join('; ')}`);
  // What is put in the place of images is what the VM writes, and nothing else of the pool.
  if (
    !isDeepStrictEqual(
      manifest.disks.map(({ spec }) => spec),
      writableDisks(manifest.carnet.spec),
    )
  ) {
    throw damaged(checkpoint, 'its disks are not those its VM writes');
  }
  return { manifest, digest: hash('sha256', record, 'hex') };
}

async function readRecord(directory: string, checkpoint: CheckpointId): Promise<Buffer> {
  let record: Buffer | undefined;
  try {
    record = await readPlainFile(join(directory, file.manifest), limits.manifestBytes);
  } catch (error) {
    if (isMissing(error)) throw new BrokerError('CHECKPOINT_UNKNOWN', `no checkpoint ${checkpoint} on this host`);
    throw damaged(checkpoint, `the manifest cannot be read: ${(error as Error).message}`, error);
  }
  if (record === undefined) throw damaged(checkpoint, `the manifest has more than ${limits.manifestBytes} bytes`);
  return record;
}

/** A file of a checkpoint, as its manifest describes it. */
export interface DescribedFile {
  readonly name: string;
  readonly bytes: number;
  readonly digest: string;
}

/** The files a manifest vouches for, in the order of their lists in `digests`. */
export const describedFiles = ({ memory, devices, disks }: Manifest): DescribedFile[] => [
  { name: file.memory, bytes: memory.bytes, digest: memory.digest },
  { name: file.devices, bytes: devices.bytes, digest: devices.digest },
  ...disks.map(({ spec, bytes, digest }) => ({ name: file.disk(spec.name), bytes, digest })),
];
