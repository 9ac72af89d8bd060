import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type CheckpointId, checkpointId, type VmName, vmName } from '../../../shared/ids.ts';
import { check } from '../../../shared/schema/schema.ts';
import { isMissing, readPlainFile, syncDirectory } from './files.ts';
import { directoryMode, draftMode, type Paths } from './layout.ts';

/** Which VM maps which checkpoint: a file per VM, in the store, so that it outlives the broker and every host sees it. */
export interface Pins {
  put(vm: VmName, checkpoint: CheckpointId): Promise<void>;
  drop(vm: VmName): Promise<void>;
  /** The VM that maps a checkpoint, if one does. */
  holderOf(checkpoint: CheckpointId): Promise<VmName | undefined>;
}

const PIN_BYTES = 64;

export async function openPins(paths: Paths): Promise<Pins> {
  await mkdir(paths.pins, { recursive: true, mode: directoryMode });
  return {
    async put(vm, checkpoint) {
      const written = `${paths.pin(vm)}.new`;
      const handle = await open(written, 'w', draftMode);
      try {
        await handle.writeFile(checkpoint);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(written, paths.pin(vm));
      await syncDirectory(paths.pins);
    },
    async drop(vm) {
      await rm(paths.pin(vm), { force: true });
      await syncDirectory(paths.pins);
    },
    async holderOf(checkpoint) {
      for (const name of await readdir(paths.pins)) {
        const vm = check(vmName, name);
        if (vm.ok && (await read(paths.pin(vm.value))) === checkpoint) return vm.value;
      }
      return undefined;
    },
  };
}

/** What a pin says; nothing where it was dropped meanwhile. A pin that cannot be read stands in the way of any removal. */
async function read(path: string): Promise<CheckpointId | undefined> {
  let text: string | undefined;
  try {
    text = (await readPlainFile(path, PIN_BYTES))?.toString('utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const id = check(checkpointId, text);
  if (!id.ok) throw new BrokerError('STORE_FAILED', `${path} does not name a checkpoint`);
  return id.value;
}
