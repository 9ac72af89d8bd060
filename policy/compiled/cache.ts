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
import type { Content } from './compile.ts';
import { type FormKey, formBytesMax, isFormFor } from './form.ts';
import { checkContent, readContent } from './open.ts';

/*
 * A folder of compiled forms, named by what they were made from and by. A form is trusted as the policy itself is: who
 * can write one decides every answer. So the folder and its files must be this process's own and not writable by
 * anyone else; what is not so, or is damaged, is as good as not there.
 */

/** How many forms are kept; the newest. */
const formsMax = 4;
const suffix = '.policy-form';
const othersMayWrite = 0o022;

/** A form from the folder, checked, and what it holds. */
export interface KeptForm {
  readonly form: Uint8Array<ArrayBuffer>;
  readonly content: Content;
}

/** The form for the key, if the folder has a sound one. */
export function readKeptForm(folder: string, key: FormKey): KeptForm | undefined {
  try {
    if (!isOurs(lstatSync(folder), 'folder')) return undefined;
    const form = readOwnFile(join(folder, nameOf(key)));
    if (form === undefined || !isFormFor(form, key)) return undefined;
    const content = readContent(form);
    checkContent(content);
    return { form, content };
  } catch {
    return undefined;
  }
}

/** Puts a form in the folder, whole or not at all, and removes the oldest ones. Throws when it cannot be written. */
export function keepForm(folder: string, key: FormKey, form: Uint8Array): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isOurs(lstatSync(folder), 'folder')) throw new Error(`${folder} is another user's, or others may write to it`);
  const path = join(folder, nameOf(key));
  const draft = join(folder, `${randomBytes(12).toString('hex')}.draft`);
  try {
    writeThrough(draft, form);
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

function readOwnFile(path: string): Uint8Array<ArrayBuffer> | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const stat = fstatSync(fd);
    if (!isOurs(stat, 'file') || stat.size > formBytesMax) return undefined;
    const bytes = new Uint8Array(stat.size);
    let at = 0;
    while (at < bytes.length) {
      const count = readSync(fd, bytes, at, bytes.length - at, at);
      if (count === 0) return undefined;
      at += count;
    }
    return bytes;
  } finally {
    closeSync(fd);
  }
}

function writeThrough(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'wx', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
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
