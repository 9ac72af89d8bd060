import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, unlink } from 'node:fs/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { uuid } from '../../../shared/ids.ts';
import { check } from '../../../shared/schema/schema.ts';
import { closeFd, errnoOf, findIn, openDirectory, pathIn, readAt, reopen, statFd } from './descriptors.ts';

/** The directory images live in, opened once. */
export interface Pool {
  readonly directory: string;
  readonly fd: number;
  /** What is in its `.carnet-pool`: the same on every host that mounts it, which is how shared storage is recognised. */
  readonly id: string;
}

const idFile = '.carnet-pool';

/** Opens a pool, and gives it an id when it has none. CONFIG_INVALID where it is no directory or its id is no UUID. */
export async function openPool(directory: string): Promise<Pool> {
  const fd = await openDirectory(directory).catch((cause: unknown) => {
    throw new BrokerError('CONFIG_INVALID', `the image pool ${directory} cannot be opened`, { cause });
  });
  try {
    return { directory, fd, id: (await readId(fd, directory)) ?? (await makeId(fd, directory)) };
  } catch (error) {
    await closeFd(fd);
    throw error;
  }
}

async function readId(directoryFd: number, directory: string): Promise<string | undefined> {
  let found: number;
  try {
    found = await findIn(directoryFd, idFile);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const isFile = (await statFd(found)).isFile();
    const checked = check(uuid, isFile ? await readText(found) : undefined);
    if (checked.ok) return checked.value;
    throw new BrokerError('CONFIG_INVALID', `${directory}/${idFile} does not hold a UUID`, {
      hint: 'remove it, on every host that mounts this pool, and a new one is made',
    });
  } finally {
    await closeFd(found);
  }
}

async function readText(found: number): Promise<string> {
  const fd = await reopen(found, constants.O_RDONLY);
  try {
    return (await readAt(fd, 0, 64)).toString('latin1').trim();
  } finally {
    await closeFd(fd);
  }
}

/** Two hosts may do this to one pool at the same time: the file appears whole or not at all, and the first one stays. */
async function makeId(directoryFd: number, directory: string): Promise<string> {
  const id = randomUUID();
  const draft = pathIn(directoryFd, `${idFile}.${id}`);
  try {
    const file = await open(draft, 'wx', 0o644);
    try {
      await file.writeFile(`${id}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, pathIn(directoryFd, idFile)).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
  } catch (cause) {
    throw new BrokerError('CONFIG_INVALID', `the image pool ${directory} cannot be given an id`, { cause });
  } finally {
    await unlink(draft).catch(() => undefined);
  }
  const kept = await readId(directoryFd, directory);
  if (kept === undefined) throw new BrokerError('CONFIG_INVALID', `the image pool ${directory} does not keep its id`);
  return kept;
}
