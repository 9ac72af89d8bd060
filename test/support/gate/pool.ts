import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageName } from '../../../shared/ids.ts';
import type { ImageSpec } from '../../../shared/vm/spec.ts';

/** A pool in a folder of its own, with the means to put files into it. */
export interface TestPool {
  /** The folder above the pool: a place outside. */
  readonly outside: string;
  readonly directory: string;
  path(name: string): string;
  /** Writes a file, and labels it where a label is given. */
  put(name: string, content: string | Buffer, label?: string): Promise<void>;
  /** Runs qemu-img in the pool. */
  qemuImg(...args: string[]): void;
  label(name: string, label: string): void;
  remove(): Promise<void>;
}

export async function makePool(): Promise<TestPool> {
  const outside = await mkdtemp(join(tmpdir(), 'carnet-pool-'));
  const directory = join(outside, 'pool');
  execFileSync('mkdir', [directory]);
  const path = (name: string) => join(directory, name);
  const label = (name: string, value: string) => execFileSync('chcon', [value, path(name)], { stdio: 'pipe' });
  return {
    outside,
    directory,
    path,
    label,
    async put(name, content, value) {
      await writeFile(path(name), content);
      if (value !== undefined) label(name, value);
    },
    qemuImg: (...args) => void execFileSync('qemu-img', args, { cwd: directory, stdio: 'pipe' }),
    remove: () => rm(outside, { recursive: true, force: true }),
  };
}

/** The spec of an image: a raw disk unless said otherwise. */
export const imageSpec = (name: string, spec: Partial<Omit<ImageSpec, 'name'>> = {}): ImageSpec => ({
  name: name as ImageName,
  role: 'disk',
  format: 'raw',
  readonly: false,
  ...spec,
});
