import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { Launch } from '../../runtime/ports.ts';
import { commandOf, type Plan, planOf } from './arguments.ts';
import { isAlive, type Seen, startTimeOf, waitGone } from './ended.ts';
import { checkSocketPath, type Host, type Place, placeOf } from './host.ts';
import { connectPatiently, createLink, type Link } from './link.ts';
import { logTail } from './log-tail.ts';
import { type LaunchRecord, readRecord, writeRecord } from './record.ts';
import { endUnrecorded } from './unrecorded.ts';

/** A QEMU that answers on its monitor. */
export interface Launched {
  readonly place: Place;
  readonly record: LaunchRecord;
  readonly link: Link;
}

/**
 * Starts QEMU in a session of its own, paused, and connects to it. Rejects with VM_STATE where one runs already, with
 * CONFIG_INVALID for a path that is too long, else with QEMU_FAILED and QEMU's last words; nothing is left behind then.
 */
export async function launchQemu(host: Host, launch: Launch): Promise<Launched> {
  const place = placeOf(host, launch.spec.name);
  checkSocketPath(place.qmpPath);
  await clearPlace(host, place);
  const opened: number[] = [];
  const open = (path: string, flags: string): number => {
    const fd = openSync(path, flags, 0o600);
    opened.push(fd);
    return fd;
  };
  const link = createLink(place.qmpPath, host.clock);
  let child: ChildProcess | undefined;
  try {
    await mkdir(host.logDir, { recursive: true, mode: 0o700 });
    const log = open(place.logPath, 'a');
    const logOffset = fstatSync(log).size;
    const consoleFd = open(place.consolePath, 'a');
    const plan = planOf(withOwnOffset(launch, open), { qmpPath: place.qmpPath, consoleFd });
    child = start(host, launch, plan, log);
    const failure = failureOf(child, place, logOffset);
    const record = recordOf(launch, plan, child, logOffset);
    if (record !== undefined) writeRecord(place.recordPath, record);
    await connectPatiently(link, host.clock, failure);
    if (record === undefined) throw new BrokerError('QEMU_FAILED', 'QEMU ended while it was started');
    child.unref();
    return { place, record, link };
  } catch (error) {
    link.release();
    await endChild(host, child);
    await rm(place.dir, { recursive: true, force: true });
    throw error instanceof BrokerError ? error : new BrokerError('QEMU_FAILED', String(error), { cause: error });
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** Makes an empty, private directory. */
async function clearPlace(host: Host, place: Place): Promise<void> {
  const record = readRecord(place.recordPath);
  if (record !== undefined && isAlive(record)) {
    throw new BrokerError('VM_STATE', `a QEMU of ${place.vm} runs already, as process ${record.pid}`);
  }
  if (record === undefined) await endUnrecorded(host, place);
  await rm(place.dir, { recursive: true, force: true });
  await mkdir(place.dir, { recursive: true, mode: 0o700 });
  await chmod(host.runDir, 0o700);
}

/** The device state is opened again: what the checks read from the caller's descriptor must not move QEMU's start. */
function withOwnOffset(launch: Launch, open: (path: string, flags: string) => number): Launch {
  const { origin, spec } = launch;
  if (origin.kind !== 'restore') return launch;
  const memoryBytes = fstatSync(origin.memoryFd).size;
  if (memoryBytes !== spec.memoryMiB * 1024 * 1024) {
    throw new BrokerError(
      'CHECKPOINT_DAMAGED',
      `the memory file has ${memoryBytes} bytes, the VM ${spec.memoryMiB} MiB`,
    );
  }
  return { ...launch, origin: { ...origin, devicesFd: open(`/proc/self/fd/${origin.devicesFd}`, 'r') } };
}

function start(host: Host, launch: Launch, plan: Plan, log: number): ChildProcess {
  const { command, args } = commandOf(host, launch.label, plan.argv);
  return spawn(command, args, {
    cwd: '/',
    detached: true,
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' },
    stdio: ['ignore', log, log, ...plan.inherit],
  });
}

/** Says why the process is gone, once it is. */
function failureOf(child: ChildProcess, place: Place, logOffset: number): () => BrokerError | undefined {
  let failure: BrokerError | undefined;
  child.once('error', (cause) => {
    failure ??= new BrokerError('QEMU_FAILED', `QEMU could not be started: ${cause.message}`, { cause });
  });
  child.once('exit', (code, signal) => {
    const words = logTail(place.logPath, logOffset) || 'it said nothing';
    failure ??= new BrokerError('QEMU_FAILED', `QEMU ended with ${code ?? signal} while it was started: ${words}`);
  });
  return () => failure;
}

function recordOf(launch: Launch, plan: Plan, child: ChildProcess, logOffset: number): LaunchRecord | undefined {
  const startTime = child.pid === undefined ? undefined : startTimeOf(child.pid);
  if (child.pid === undefined || startTime === undefined) return undefined;
  return {
    version: 1,
    vm: launch.spec.name,
    pid: child.pid,
    startTime,
    accelerator: launch.accelerator,
    origin: launch.origin.kind,
    ...(plan.devicesFd === undefined ? {} : { devicesFd: plan.devicesFd }),
    logOffset,
    disks: [...plan.disks],
  };
}

async function endChild(host: Host, child: ChildProcess | undefined): Promise<void> {
  const startTime = child?.pid === undefined ? undefined : startTimeOf(child.pid);
  if (child?.pid === undefined || startTime === undefined) return;
  const seen: Seen = { pid: child.pid, startTime };
  child.kill('SIGKILL');
  await waitGone(host.clock, seen, 5_000);
}
