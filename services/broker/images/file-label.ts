import { spawn } from 'node:child_process';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { type Label, label } from '../../../shared/label/label.ts';
import { limits } from '../../../shared/limits.ts';
import { check } from '../../../shared/schema/schema.ts';

/*
 * The security label of an open file: its `security.selinux` attribute. Node has no interface to attributes, so coreutils
 * read and write it through the descriptor, which the child gets as its number 3.
 */

const timeoutMs = 10_000;

/**
 * The label of an open file, undefined where it has none or its file system has no place for one. A fault of reading is
 * never taken for "none".
 */
export async function readLabel(fd: number): Promise<Label | undefined> {
  const { status, stdout, stderr } = await run('stat', ['-L', '-c', '%C', '/proc/self/fd/3'], fd);
  if (status !== 0) {
    if (/No data available|Operation not supported/.test(stderr)) return undefined;
    throw new BrokerError('IMAGE_UNLABELLED', `the label of a file cannot be read: ${firstLine(stderr)}`);
  }
  const said = stdout.replace(/\n$/, '');
  if (said === '?') return undefined;
  const checked = check(label, said);
  if (!checked.ok) throw new BrokerError('IMAGE_UNLABELLED', 'the label of a file is not a security context');
  return checked.value;
}

/** Gives an open file a label and reads it back. False where the file system, or this process, cannot label. */
export async function writeLabel(fd: number, value: Label): Promise<boolean> {
  const { status, stderr } = await run('chcon', ['--', value, '/proc/self/fd/3'], fd);
  if (status !== 0) {
    if (/Operation not supported|Operation not permitted/.test(stderr)) return false;
    throw new BrokerError('IMAGE_UNLABELLED', `a file cannot be labelled: ${firstLine(stderr)}`);
  }
  if ((await readLabel(fd)) !== value) throw new BrokerError('IMAGE_UNLABELLED', 'a file did not keep its label');
  return true;
}

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], fd: number): Promise<Ran> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', fd],
    env: { ...process.env, LC_ALL: 'C' },
    timeout: timeoutMs,
  });
  const read = (stream: NodeJS.ReadableStream) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      if (text.length <= limits.labelBytes) text += chunk;
    });
    return () => text;
  };
  const [stdout, stderr] = [read(child.stdout as NodeJS.ReadableStream), read(child.stderr as NodeJS.ReadableStream)];
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new BrokerError('IMAGE_UNLABELLED', `labels need ${command} of coreutils, which does not run`, { cause })),
    );
    child.once('close', (status) => resolve({ status, stdout: stdout(), stderr: stderr() }));
  });
}

const firstLine = (text: string) => text.split('\n', 1)[0]?.slice(0, 200) ?? '';
