import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** A process that can be told from a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** When it started, in clock ticks since the machine did: field 22 of /proc/PID/stat (proc(5)). */
  readonly startTicks: number;
  readonly bootId: string;
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** The state letter and start of a running process, or nothing. The command's name may hold blanks and brackets. */
function statOf(pid: number): { state: string; startTicks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTicks: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

/** Identifies a process that runs now. */
export function identifyProcess(pid: number): ProcessId | undefined {
  const stat = statOf(pid);
  return stat === undefined ? undefined : { pid, startTicks: stat.startTicks, bootId: bootId() };
}

/** True while exactly that process runs; one that ended and was not waited for yet does not. */
export function isRunning(id: ProcessId): boolean {
  const stat = statOf(id.pid);
  return (
    stat !== undefined &&
    stat.state !== 'Z' &&
    stat.state !== 'X' &&
    stat.startTicks === id.startTicks &&
    id.bootId === bootId()
  );
}

/** A QEMU found by its arguments. */
export interface QemuProcess extends ProcessId {
  readonly args: readonly string[];
}

/** Every QEMU on this machine with an argument that names something under `folder`. */
export function qemusUnder(folder: string): QemuProcess[] {
  const found: QemuProcess[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const args = argumentsOf(Number(name));
    if (!basename(args[0] ?? '').startsWith('qemu-system-')) continue;
    if (!args.some((arg) => arg.includes(`${folder}/`))) continue;
    const id = identifyProcess(Number(name));
    if (id !== undefined && isRunning(id)) found.push({ ...id, args });
  }
  return found;
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}
