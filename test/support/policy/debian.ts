import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Debian's policy for ordinary machines, and the one with sixteen sensitivities. */
export type DebianPolicyName = 'default' | 'mls';

/** A policy of Debian's as its package makes it, and the source checkpolicy writes of that. */
export interface DebianPolicy {
  readonly binary: string;
  readonly source: string;
}

const timeoutMs = 300_000;

/** Kept between runs, as it takes long to make; setup.sh makes it there too. */
function folderOf(name: DebianPolicyName): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'carnet', 'selinux-policy', name);
}

/** The policy where it has been made already. */
export function cachedDebianPolicy(name: DebianPolicyName): DebianPolicy | undefined {
  const folder = folderOf(name);
  return existsSync(folder) ? { binary: join(folder, 'policy.33'), source: join(folder, 'policy.conf') } : undefined;
}

/**
 * The policy of Debian's package `selinux-policy-…`, made by the script beside this file unless it is in the cache.
 * @throws where the package cannot be had or a tool is missing.
 */
export async function debianPolicy(name: DebianPolicyName): Promise<DebianPolicy> {
  const folder = folderOf(name);
  await run('sh', [join(import.meta.dirname, 'make-debian-policy.sh'), name, folder], { timeout: timeoutMs });
  return { binary: join(folder, 'policy.33'), source: join(folder, 'policy.conf') };
}
