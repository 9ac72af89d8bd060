import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { createInterface } from 'node:readline';

/** A real QEMU of 64 MiB that runs its firmware, driven over its standard streams. */
export interface TestQemu {
  execute(command: string, args?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Waits until QEMU reports a migration with this status. */
  migration(status: string): Promise<void>;
  /** Ends QEMU and waits for its end. */
  [Symbol.asyncDispose](): Promise<void>;
}

export const testMachine = {
  machine: 'pc-q35-7.2',
  uuidText: '01234567-89ab-cdef-0123-456789abcdef',
  uuid: Buffer.from('0123456789abcdef0123456789abcdef', 'hex'),
  memoryMiB: 64,
  memoryBytes: 64 * 1024 * 1024,
} as const;

export type CapabilityName = 'background-snapshot' | 'return-path' | 'validate-uuid' | 'x-ignore-shared';

/** Starts a QEMU. `memoryFd` is mapped privately as its memory, `inherit` are further descriptors, from number 4 on. */
export async function startQemu(
  options: { memoryFd?: number; inherit?: readonly number[]; incoming?: boolean; devices?: readonly string[] } = {},
): Promise<TestQemu> {
  const { memoryFd, inherit = [], incoming = false, devices = [] } = options;
  const memory = { id: 'pc.ram', size: testMachine.memoryBytes, 'x-use-canonical-path-for-ramblock-id': false };
  const backend =
    memoryFd === undefined
      ? { 'qom-type': 'memory-backend-ram', ...memory }
      : { 'qom-type': 'memory-backend-file', share: false, 'mem-path': '/proc/self/fd/3', ...memory };
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...['-nodefaults', '-no-user-config', '-accel', 'tcg', '-display', 'none', '-uuid', testMachine.uuidText],
      ...['-machine', `${testMachine.machine},memory-backend=pc.ram`, '-m', `${testMachine.memoryMiB}M`],
      ...['-object', JSON.stringify(backend), '-qmp', 'stdio'],
      ...(incoming ? ['-S', '-incoming', 'defer'] : []),
      ...devices.flatMap((device) => ['-device', device]),
    ],
    { stdio: ['pipe', 'pipe', 'inherit', memoryFd ?? 'ignore', ...inherit] },
  );
  return connect(child);
}

async function connect(child: ChildProcess): Promise<TestQemu> {
  const statuses: string[] = [];
  const waiting = new Set<() => void>();
  const answers: { resolve: (value: Record<string, unknown>) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const message = JSON.parse(line) as Record<string, unknown>;
    if ('return' in message) answers.shift()?.resolve(message['return'] as Record<string, unknown>);
    else if ('error' in message) answers.shift()?.reject(new Error(JSON.stringify(message['error'])));
    else if (message['event'] === 'MIGRATION') statuses.push((message['data'] as { status: string }).status);
    for (const wake of waiting) wake();
  });
  const exited = once(child, 'exit');
  exited.then(() => {
    for (const { reject } of answers.splice(0)) reject(new Error('QEMU ended'));
    for (const wake of waiting) wake();
  });
  const execute = (command: string, args: Record<string, unknown> = {}) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      answers.push({ resolve, reject });
      child.stdin!.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
  const qemu: TestQemu = {
    execute,
    migration: (status) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (statuses.includes(status)) resolve();
          else if (child.exitCode !== null || statuses.includes('failed'))
            reject(new Error(`no ${status}: ${statuses}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
  await execute('qmp_capabilities');
  await setCapabilities(qemu, []);
  return qemu;
}

/** Switches capabilities on, and events with them. */
export async function setCapabilities(qemu: TestQemu, names: readonly CapabilityName[]): Promise<void> {
  const capabilities = ['events', ...names].map((capability) => ({ capability, state: true }));
  await qemu.execute('migrate-set-capabilities', { capabilities });
  await qemu.execute('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 });
}

/** The guest's memory as QEMU itself writes it down. */
export async function memoryOf(qemu: TestQemu, path: string): Promise<Buffer> {
  await qemu.execute('pmemsave', { val: 0, size: testMachine.memoryBytes, filename: path });
  return readFileSync(path);
}

/** Runs a QEMU until its firmware has filled some memory, and stops it. */
export async function stoppedQemu(devices: readonly string[] = []): Promise<TestQemu> {
  const qemu = await startQemu({ devices });
  for (let ivt = ''; !/f000[0-9a-f]{4}/.test(ivt); ) {
    ivt = String(await qemu.execute('human-monitor-command', { 'command-line': 'xp /8xw 0x40' })).replaceAll('0x', '');
  }
  await qemu.execute('stop');
  return qemu;
}

/** The whole migration stream of a QEMU, over a unix socket at `path`. Where it waits for an answer it gets `answer`. */
export async function streamOf(qemu: TestQemu, path: string, answer?: Uint8Array): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const server = net.createServer((socket) => {
    server.close();
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (answer !== undefined && chunk.at(-1) === 0x7d) socket.write(answer);
    });
    socket.on('end', () => done.resolve());
  });
  const done = Promise.withResolvers<void>();
  server.listen(path);
  await once(server, 'listening');
  await qemu.execute('migrate', { uri: `unix:${path}` });
  await qemu.migration('completed');
  await done.promise;
  return Buffer.concat(chunks);
}
