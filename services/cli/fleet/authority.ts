import { execFile } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { Principal } from '../../../shared/pki/principal.ts';
import { busServer } from './bus.ts';
import { type FleetLayout, hostAddress, programOf } from './layout.ts';
import type { Program } from './processes.ts';

/*
 * The authority of a fleet. Whatever needs its key happens in its own program: nothing else of the fleet reads it.
 */

const tokenMinutes = 5;
const certificateDays = 365;

/** Makes the authority where there is none. It is put in place whole, so that one that was interrupted is made anew. */
export async function makeAuthority(layout: FleetLayout, fleet: string, signal?: AbortSignal): Promise<void> {
  const { folder, certificate } = layout.authority;
  if (existsSync(certificate)) return;
  const made = `${folder}.new`;
  rmSync(made, { recursive: true, force: true });
  await runAuthority(['init', '--directory', made, '--fleet', fleet], signal);
  rmSync(folder, { recursive: true, force: true });
  renameSync(made, folder);
}

/** One-time tokens, one for each of these in their order. They are secrets, and are in no file. */
export async function makeTokens(
  layout: FleetLayout,
  holders: readonly Principal[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const said = await runAuthority(
    [
      ...['token', ...holders.flatMap(({ role, name }) => [role, name]), '--directory', layout.authority.folder],
      ...['--minutes', `${tokenMinutes}`, '--days', `${certificateDays}`],
      ...(holders.some(({ role }) => role === 'host') ? ['--address', 'localhost', '--address', hostAddress] : []),
    ],
    signal,
  );
  return said.trim().split('\n');
}

/** The service that enrols holders of tokens. The fleet runs without it; only nobody new is let in. */
export const authorityProgram = (layout: FleetLayout, busPort: number): Program => ({
  name: 'authority',
  kind: 'authority',
  command: process.execPath,
  args: [
    ...[programOf('authority'), 'serve', '--directory', layout.authority.folder],
    ...['--server', busServer(busPort), '--log', layout.authority.log],
  ],
  ready: /^ready$/m,
  timeoutMs: 30_000,
});

/** Runs the authority's program to its end, and answers with what it printed. */
async function runAuthority(args: readonly string[], signal?: AbortSignal): Promise<string> {
  try {
    const command = [programOf('authority'), ...args];
    const options = { timeout: 60_000, ...(signal === undefined ? {} : { signal }) };
    return (await promisify(execFile)(process.execPath, command, options)).stdout;
  } catch (cause) {
    const { stderr = '', message } = cause as { stderr?: string; message: string };
    throw new BrokerError('CONFIG_INVALID', stderr.trim() === '' ? `the authority: ${message}` : stderr.trim(), {
      cause,
    });
  }
}
