import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { FleetLayout } from './layout.ts';
import { identifyProcess, isRunning, type ProcessId } from './proc.ts';

/** A program of the fleet, and how it shows that it serves. */
export interface Program {
  /** `bus`, `authority`, `scheduler` or the name of a host: also the name of its log. */
  readonly name: string;
  readonly kind: 'bus' | 'authority' | 'broker' | 'scheduler';
  readonly command: string;
  readonly args: readonly string[];
  /** A line of its output that matches says it serves. */
  readonly ready: RegExp;
  readonly timeoutMs: number;
}

const recordOf = (layout: FleetLayout, name: string) => join(layout.processes, `${name}.json`);
const logOf = (layout: FleetLayout, name: string) => join(layout.logs, `${name}.log`);
const pollMs = 20;

/** The process recorded under a name, where it still runs. */
export function runningProcess(layout: FleetLayout, name: string): ProcessId | undefined {
  try {
    const id = JSON.parse(readFileSync(recordOf(layout, name), 'utf8')) as ProcessId;
    return isRunning(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

/** The names of everything recorded, running or not. */
export function recordedNames(layout: FleetLayout): string[] {
  try {
    return readdirSync(layout.processes)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length));
  } catch {
    return [];
  }
}

/**
 * Starts a program detached from this process, its output in a log, and resolves when it serves. QEMU_FAILED is for QEMU:
 * a program that ends or stays silent is a CONFIG_INVALID or BUS_UNREACHABLE, with the end of its log.
 */
export async function startProgram(layout: FleetLayout, program: Program, signal?: AbortSignal): Promise<ProcessId> {
  mkdirSync(layout.processes, { recursive: true, mode: 0o700 });
  mkdirSync(layout.logs, { recursive: true, mode: 0o700 });
  const log = logOf(layout, program.name);
  const output = openSync(log, 'w', 0o600);
  let ended: string | undefined;
  const child = spawn(program.command, program.args, {
    cwd: layout.root,
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
  closeSync(output);
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, cause) => {
    ended = `ended with ${code ?? cause}`;
  });
  child.unref();
  const id = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (id !== undefined) record(layout, program.name, id);
  try {
    await untilReady(program, log, () => ended, signal);
    if (id === undefined) throw new BrokerError('INTERNAL', `${program.name} was ready before it was seen to run`);
    return id;
  } catch (error) {
    if (id !== undefined) await stopProcess(id);
    rmSync(recordOf(layout, program.name), { force: true });
    throw error;
  }
}

async function untilReady(program: Program, log: string, ended: () => string | undefined, signal?: AbortSignal) {
  const deadlineMs = performance.now() + program.timeoutMs;
  for (;;) {
    const text = readFileSync(log, 'utf8');
    if (program.ready.test(text)) return;
    const why =
      ended() ?? (performance.now() > deadlineMs ? `was not ready within ${program.timeoutMs} ms` : undefined);
    if (why !== undefined) {
      const tail = text.trim().split('\n').slice(-6).join('\n');
      throw new BrokerError('BUS_UNREACHABLE', `${program.name} did not start: ${why}`, {
        hint: tail === '' ? `its log is ${log}` : `its last words (${log}):\n${tail}`,
      });
    }
    await delay(pollMs, undefined, signal === undefined ? {} : { signal });
  }
}

function record(layout: FleetLayout, name: string, id: ProcessId): void {
  writeFileSync(`${recordOf(layout, name)}.new`, JSON.stringify(id), { mode: 0o600 });
  renameSync(`${recordOf(layout, name)}.new`, recordOf(layout, name));
}

const killedMs = 5_000;

/** Ends exactly that process: politely, then by force. Resolves when it is gone; true when it took force. */
export async function stopProcess(id: ProcessId, { politeMs = 10_000 } = {}): Promise<boolean> {
  if (!isRunning(id)) return false;
  process.kill(id.pid, 'SIGTERM');
  if (await isGoneWithin(id, politeMs)) return false;
  process.kill(id.pid, 'SIGKILL');
  if (await isGoneWithin(id, killedMs)) return true;
  throw new BrokerError('INTERNAL', `process ${id.pid} does not end`);
}

async function isGoneWithin(id: ProcessId, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  while (isRunning(id)) {
    if (performance.now() > deadlineMs) return false;
    await delay(pollMs);
  }
  return true;
}

/** Ends the process recorded under a name, where it runs, and forgets it. */
export async function stopProgram(layout: FleetLayout, name: string): Promise<'stopped' | 'was not running'> {
  const id = runningProcess(layout, name);
  if (id !== undefined) await stopProcess(id);
  rmSync(recordOf(layout, name), { force: true });
  return id === undefined ? 'was not running' : 'stopped';
}
