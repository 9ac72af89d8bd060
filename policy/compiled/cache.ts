import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { readAnswers, readExplanations } from './content.ts';
import { type Form, type FormKey, formBytesMax, headerBytes, isFormFor, isSecondPart, partSizes } from './form.ts';
import type { OpenForm } from './open.ts';

/*
 * A folder of compiled forms, named by what they were made from and by. A form is trusted as the policy itself is: who
 * can write one decides every answer. So the folder and its files must be this process's own and not writable by
 * anyone else; what is not so, or is damaged, is as good as not there.
 */

/** How many forms are kept; the newest. */
const formsMax = 4;
const suffix = '.policy-form';
const othersMayWrite = 0o022;

/**
 * The form for the key, if the folder has a sound one. Unless it is asked for `whole`, its second part is read from the
 * same file when it is needed; where that is unsound then, the form is removed and an error thrown.
 */
export function readKeptForm(folder: string, key: FormKey, whole: boolean): OpenForm | undefined {
  const path = join(folder, nameOf(key));
  try {
    if (!isOurs(lstatSync(folder), 'folder')) return undefined;
    const first = withOwnFile(path, (fd, size) => {
      const sizes = partSizes(readAt(fd, 0, headerBytes));
      if (sizes.first + sizes.second !== size) throw new RangeError('the form has another size than it says');
      return readAt(fd, 0, sizes.first);
    });
    if (!isFormFor(first, key)) return undefined;
    const answers = readAnswers(first);
    if (!whole) return { first, answers, second: () => readSecondPart(path, first) };
    const second = readSecondPart(path, first);
    readExplanations({ first, second }, answers);
    return { first, answers, second: () => second };
  } catch {
    return undefined;
  }
}

function readSecondPart(path: string, first: Uint8Array): Uint8Array<ArrayBuffer> {
  const second = withOwnFile(path, (fd) => readAt(fd, first.length, partSizes(first).second));
  if (isSecondPart(first, second)) return second;
  rmSync(path, { force: true });
  throw new RangeError('the compiled form of the policy was damaged and is removed: load the policy again');
}

/** Puts a form in the folder, whole or not at all, and removes the oldest ones. Throws when it cannot be written. */
export function keepForm(folder: string, key: FormKey, { first, second }: Form): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isOurs(lstatSync(folder), 'folder')) throw new Error(`${folder} is another user's, or others may write to it`);
  const path = join(folder, nameOf(key));
  const draft = join(folder, `${randomBytes(12).toString('hex')}.draft`);
  try {
    writeThrough(draft, [first, second]);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  syncFolder(folder);
  removeOldest(folder);
}

function nameOf({ sourceDigest, engineDigest }: FormKey): string {
  return `${sourceDigest}-${engineDigest.slice(0, 16)}${suffix}`;
}

function isOurs(stat: Stats, kind: 'folder' | 'file'): boolean {
  const ofKind = kind === 'folder' ? stat.isDirectory() : stat.isFile();
  return ofKind && stat.uid === process.geteuid?.() && (stat.mode & othersMayWrite) === 0;
}

/** Throws unless the file is this process's own. */
function withOwnFile<T>(path: string, use: (fd: number, size: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const stat = fstatSync(fd);
    if (!isOurs(stat, 'file') || stat.size > formBytesMax) throw new RangeError('the form is not ours');
    return use(fd, stat.size);
  } finally {
    closeSync(fd);
  }
}

function readAt(fd: number, start: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const count = readSync(fd, bytes, at, length - at, start + at);
    if (count === 0) throw new RangeError('the form ends early');
    at += count;
  }
  return bytes;
}

function writeThrough(path: string, parts: readonly Uint8Array[]): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (const part of parts) for (let at = 0; at < part.length; ) at += writeSync(fd, part, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function removeOldest(folder: string): void {
  const forms = readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .map((name) => ({ path: join(folder, name), changedMs: lstatSync(join(folder, name)).mtimeMs }));
  forms.sort((left, right) => right.changedMs - left.changedMs);
  for (const { path } of forms.slice(formsMax)) rmSync(path, { force: true });
}
