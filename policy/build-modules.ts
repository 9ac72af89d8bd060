import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BrokerError } from '../shared/errors/broker-error.ts';

/** The policy that comes with Carnet. */
export const shippedModules: string = fileURLToPath(new URL('modules', import.meta.url));

const outputBytesMax = 16 * 1024 * 1024;
const timeoutMs = 20_000;

/**
 * The kernel policy language wants its statements in one order, and the files of base/ are numbered in it: everything
 * up to `rulesAfter` declares what rules are made of, then come the rules, then the users and what depends on them.
 */
const rulesAfter = 6;

/** The kind of host that is meant where none is named. */
const usualHost = 'accepting';

/**
 * Expands the modules in `modulesDir` (the shipped ones unless given) and the rules of one kind of host (a file of hosts/,
 * without its suffix; unless given the usual one, or the only one there is) into one text in the kernel policy language.
 * `#line` marks in it lead back to the modules, relative to `modulesDir`.
 * @throws BrokerError USAGE_INVALID for a kind of host that is not there, POLICY_INVALID where m4 is missing, a module is not there or does not expand.
 */
export async function buildPolicy(
  options: { modulesDir?: string; host?: string } = {},
): Promise<{ host: string; text: string }> {
  const directory = options.modulesDir ?? shippedModules;
  const hosts = await hostsIn(directory);
  const host = options.host ?? (hosts.length === 1 ? hosts[0] : usualHost) ?? usualHost;
  if (!hosts.includes(host)) {
    throw new BrokerError('USAGE_INVALID', `there is no host policy \`${host}\``, {
      hint: `hosts/ of ${directory} has: ${hosts.join(', ')}`,
    });
  }
  const base = await filesIn(directory, 'base', '.te');
  const isBeforeRules = (file: string) => Number.parseInt(file.slice('base/'.length), 10) <= rulesAfter;
  const files = [
    ...(await filesIn(directory, 'support', '.m4')),
    ...base.filter(isBeforeRules),
    ...(await filesIn(directory, 'modules', '.te')),
    `hosts/${host}.te`,
    ...base.filter((file) => !isBeforeRules(file)),
  ];
  return { host, text: await expand(directory, files) };
}

/** The kinds of host that have rules of their own, sorted. */
export async function hostsIn(modulesDir: string = shippedModules): Promise<string[]> {
  const files = await filesIn(modulesDir, 'hosts', '.te');
  return files.map((file) => file.slice('hosts/'.length, -'.te'.length));
}

async function filesIn(directory: string, folder: string, suffix: string): Promise<string[]> {
  try {
    const names = await readdir(join(directory, folder));
    return names
      .filter((name) => name.endsWith(suffix))
      .sort()
      .map((name) => `${folder}/${name}`);
  } catch (cause) {
    throw new BrokerError('POLICY_INVALID', `the folder ${folder} of ${directory} cannot be read`, { cause });
  }
}

/** `-P`: m4's own words get a prefix, as `define` is a permission here. A module has no business running commands. */
const m4Options = ['-s', '-P', '-Um4_syscmd', '-Um4_esyscmd'];

function expand(directory: string, files: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'm4',
      [...m4Options, ...files],
      { cwd: directory, maxBuffer: outputBytesMax, timeout: timeoutMs, killSignal: 'SIGKILL', encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error === null && stderr === '') resolve(stdout);
        else reject(faultOfM4(error, stderr));
      },
    );
  });
}

function faultOfM4(error: Error | null, stderr: string): BrokerError {
  if (error !== null && 'code' in error && error.code === 'ENOENT') {
    return new BrokerError('POLICY_INVALID', 'the policy modules need m4, which is not installed', {
      hint: 'apt-get install m4',
      cause: error,
    });
  }
  const said = stderr.trim().split('\n', 1)[0]?.slice(0, 300) ?? '';
  const detail = said === '' ? (error?.message.slice(0, 300) ?? 'no reason given') : said;
  return new BrokerError('POLICY_INVALID', `the policy modules do not expand: ${detail}`, { cause: error });
}
