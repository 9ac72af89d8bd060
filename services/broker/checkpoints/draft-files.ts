import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { ImageSpec, VmSpec } from '../../../shared/vm/spec.ts';
import type { FileLabels } from './file-labels.ts';
import { createFile } from './files.ts';
import { file } from './layout.ts';

/** The files of a checkpoint being written, by name, each open since it was made. */
export interface DraftFiles {
  readonly disks: readonly { readonly spec: ImageSpec; readonly path: string }[];
  /** Makes one more, empty and labelled. */
  create(name: string): Promise<FileHandle>;
  of(name: string): FileHandle;
  names(): readonly string[];
  close(): Promise<void>;
}

/** The disks a guest can change: only they are part of a checkpoint. What another disk is backed by is not written to. */
export function writableDisks(spec: VmSpec): ImageSpec[] {
  const backings = new Set<ImageName | undefined>(spec.images.map((image) => image.backing));
  return spec.images.filter((image) => image.role === 'disk' && !image.readonly && !backings.has(image.name));
}

/**
 * Makes the files that a stream and QEMU write into, in a directory that is there. Each is labelled while it is still empty,
 * so that no byte of a guest ever lies in a file with another label. Where files cannot carry labels, the signed manifest
 * alone says which one they have.
 */
export async function createDraftFiles(
  directory: string,
  spec: VmSpec,
  stateLabel: Label,
  labels: FileLabels,
): Promise<DraftFiles> {
  const handles = new Map<string, FileHandle>();
  const close = async () => {
    for (const handle of handles.values()) await handle.close();
    handles.clear();
  };
  const make = async (name: string) => {
    const handle = await createFile(join(directory, name));
    handles.set(name, handle);
    return handle;
  };
  const label = (handle: FileHandle) => labels.write(handle.fd, stateLabel);
  const disks = writableDisks(spec).map((disk) => ({ spec: disk, path: join(directory, file.disk(disk.name)) }));
  try {
    const memory = await make(file.memory);
    await make(file.devices);
    for (const disk of disks) await make(file.disk(disk.spec.name));
    await Promise.all([...handles.values()].map(label));
    await memory.truncate(spec.memoryMiB * 1024 * 1024);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    disks,
    close,
    async create(name) {
      const handle = await make(name);
      await label(handle);
      return handle;
    },
    names: () => [...handles.keys()],
    of(name) {
      const handle = handles.get(name);
      if (handle === undefined) throw new Error(`the draft has no open file ${name}`);
      return handle;
    },
  };
}
