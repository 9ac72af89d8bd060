import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BrokerError } from '../../../shared/errors/broker-error.ts';

const execute = promisify(execFile);
const packageNameForm = /^[a-z0-9][a-z0-9+.-]+$/;

/** The package with the real kernel, which Debian's `linux-image-cloud-amd64` only depends on. */
export async function kernelPackage(): Promise<string> {
  await listsPresent();
  const { stdout } = await run('apt-cache', ['depends', 'linux-image-cloud-amd64'], '.');
  const name = /^\s*Depends: (linux-image-\S+)$/m.exec(stdout)?.[1];
  if (name === undefined || !packageNameForm.test(name)) {
    throw new BrokerError('HOST_INCOMPATIBLE', 'apt knows no kernel behind linux-image-cloud-amd64', {
      hint: 'the demo makes its guest from Debian packages: check the package sources of this machine',
    });
  }
  return name;
}

/** Downloads packages into `folder` and unpacks them below `folder/root`. Nothing is installed. Answers with the root. */
export async function unpackPackages(folder: string, names: readonly string[]): Promise<string> {
  const [debs, root] = [join(folder, 'debs'), join(folder, 'root')];
  for (const path of [debs, root]) await mkdir(path);
  await run('apt-get', ['download', ...names], debs);
  for (const deb of await readdir(debs)) await run('dpkg-deb', ['-x', join(debs, deb), root], debs);
  return root;
}

/** Fetches apt's package lists where the machine has none, which needs root. */
async function listsPresent(): Promise<void> {
  const lists = await readdir('/var/lib/apt/lists').catch(() => []);
  if (!lists.some((name) => name.includes('_Packages'))) await run('apt-get', ['update'], '/');
}

async function run(command: string, args: readonly string[], cwd: string): Promise<{ stdout: string }> {
  try {
    return await execute(command, args, { cwd, maxBuffer: 16 * 1024 * 1024, env: { ...process.env, LC_ALL: 'C' } });
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr ?? '';
    throw new BrokerError('HOST_INCOMPATIBLE', `${command} ${args[0]} failed: ${stderr.trim().slice(-400)}`, {
      hint: 'the demo makes its guest from the Debian packages busybox-static and linux-image-cloud-amd64',
      cause: error,
    });
  }
}
