import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CpioEntry, cpioArchive } from '../../../services/cli/guest/cpio.ts';
import { ensureGuest } from '../../../services/cli/guest/make-guest.ts';
import { projectFiles, runtimeFiles } from './guest-files.ts';

/** The demo's kernel and busybox, made once and kept between runs of the tests. */
const cacheDir = join(tmpdir(), 'carnet-test-guest');
const timeoutMs = 300_000;

/** A command line for the guest's shell, under the name its outcome is found by. */
interface Command {
  readonly name: string;
  readonly command: string;
}

/** What a command wrote on its standard output, and how it ended. */
export interface Outcome {
  readonly status: number;
  readonly lines: readonly string[];
  readonly errors: string;
}

/**
 * Boots Debian's kernel with SELinux on, permissive and without a policy, and runs the commands one after the other as root.
 * `files` are put into its file system; `programs` name TypeScript files of the project, which are put below /carnet as
 * `.js` with all that they import, to be run with `node`. What each command wrote comes back over a serial line with its SHA-256.
 */
export async function runInKernel(options: {
  readonly files: readonly CpioEntry[];
  readonly programs: readonly string[];
  readonly commands: readonly Command[];
}): Promise<ReadonlyMap<string, Outcome>> {
  const guest = await ensureGuest(cacheDir);
  const dir = mkdtempSync(join(tmpdir(), 'carnet-kernel-'));
  try {
    const initrd = join(dir, 'initrd');
    const base = readFileSync(guest.initrdPath);
    // Archives follow one another, each at a multiple of four bytes; the kernel unpacks them over one another.
    writeFileSync(initrd, Buffer.concat([base, Buffer.alloc((4 - (base.length % 4)) % 4)]));
    appendFileSync(initrd, cpioArchive(runtimeFiles()));
    appendFileSync(initrd, cpioArchive([...projectFiles(options.programs), ...options.files, init(options.commands)]));
    await qemu(dir, guest.kernelPath, initrd);
    return outcomesIn(readFileSync(join(dir, 'answers'), 'latin1'), options.commands, () =>
      readFileSync(join(dir, 'console'), 'latin1').slice(-2000),
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function qemu(dir: string, kernel: string, initrd: string): Promise<void> {
  const commandLine = [
    'console=ttyS0 loglevel=3 audit=0 panic=-1 no_timer_check mitigations=off nokaslr cryptomgr.notests random.trust_cpu=on',
    'rdinit=/run-commands security=selinux selinux=1 enforcing=0',
  ].join(' ');
  await promisify(execFile)(
    'qemu-system-x86_64',
    [
      ...['-accel', 'tcg', '-m', '768', '-smp', '1', '-nodefaults', '-no-user-config', '-display', 'none'],
      ...['-no-reboot', '-serial', `file:${join(dir, 'console')}`, '-serial', `file:${join(dir, 'answers')}`],
      ...['-kernel', kernel, '-initrd', initrd, '-append', commandLine],
    ],
    { timeout: timeoutMs, killSignal: 'SIGKILL' },
  );
}

function init(commands: readonly Command[]): CpioEntry {
  const script = `#!/bin/sh
export PATH=/bin
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t selinuxfs selinuxfs /sys/fs/selinux
${commands
  .map(
    ({ name, command }) => `( ${command} ) >/output 2>/errors
echo "end ${name} $? $(sha256sum </output)" >/end
cat /output /errors /end >/dev/ttyS1`,
  )
  .join('\n')}
poweroff -f
`;
  return { path: 'run-commands', mode: 0o755, data: Buffer.from(script) };
}

/** Cuts what came over the line into the commands' outputs. What does not have its digest was not what was written. */
function outcomesIn(
  received: string,
  commands: readonly Command[],
  console: () => string,
): ReadonlyMap<string, Outcome> {
  const outcomes = new Map<string, Outcome>();
  let text = received.replaceAll('\r\n', '\n');
  for (const { name } of commands) {
    const end = new RegExp(`^end ${name} (\\d+) ([0-9a-f]{64}) .*\\n`, 'm').exec(text);
    if (end === null) throw new Error(`${name} did not end: ${text.slice(-2000)}\n${console()}`);
    const written = text.slice(0, end.index);
    text = text.slice(end.index + end[0].length);
    const output = withDigest(written, end[2] ?? '');
    if (output === undefined) throw new Error(`the output of ${name} was damaged: ${written.slice(0, 2000)}`);
    outcomes.set(name, {
      status: Number(end[1]),
      lines: output.split('\n').slice(0, -1),
      errors: written.slice(output.length),
    });
  }
  return outcomes;
}

/** The part of `written` up to some line's end that has this SHA-256. */
function withDigest(written: string, digest: string): string | undefined {
  for (let end = written.length; end >= 0; end = end === 0 ? -1 : written.lastIndexOf('\n', end - 2) + 1) {
    const part = written.slice(0, end);
    if (createHash('sha256').update(part, 'latin1').digest('hex') === digest) return part;
  }
  return undefined;
}
