import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { listeningPorts, parseTcpTable } from '../../../../services/cli/demo/sockets.ts';
import { identifyProcess, isRunning, qemusUnder } from '../../../../services/cli/fleet/proc.ts';
import { stopProcess } from '../../../../services/cli/fleet/processes.ts';

test('a process is the same only with the same start and the same boot', () => {
  const self = identifyProcess(process.pid);
  assert.ok(self !== undefined && isRunning(self));
  assert.equal(isRunning({ ...self, startTicks: self.startTicks - 1 }), false);
  assert.equal(isRunning({ ...self, bootId: 'another' }), false);
});

test('a process that does not heed SIGTERM is ended by force, and one that is gone is left alone', async () => {
  const child = spawn(
    process.execPath,
    ['-e', 'process.on("SIGTERM", () => {}); console.log("on"); setInterval(() => {}, 1000)'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  const id = identifyProcess(child.pid ?? 0);
  assert.ok(id !== undefined);
  assert.equal(await stopProcess(id, { politeMs: 50 }), true);
  await exited;
  assert.equal(await stopProcess(id), false);
});

test('a QEMU belongs to a fleet by the folder in its arguments, and to no folder whose name begins alike', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-proc-'));
  const script = 'console.log("on"); setInterval(() => {}, 1000)';
  const run = async (argv0: string) => {
    const child = spawn(process.execPath, ['-e', script, `${folder}/hosts/alpha/run/web.qmp`], {
      stdio: ['ignore', 'pipe', 'ignore'],
      argv0,
    });
    await once(child.stdout, 'data');
    return child;
  };
  const [qemu, other] = [await run('/usr/bin/qemu-system-x86_64'), await run('node')];
  try {
    assert.deepEqual(
      qemusUnder(`${folder}/hosts/alpha`).map(({ pid }) => pid),
      [qemu.pid],
    );
    assert.deepEqual(qemusUnder(`${folder}/hosts/alp`), []);
    assert.deepEqual(qemusUnder(`${folder}/hosts/beta`), []);
  } finally {
    for (const child of [qemu, other]) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

test('the ports a process listens on are read from the kernel', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  assert.ok(listeningPorts(process.pid).includes(address.port));
  await new Promise((resolve) => server.close(resolve));
  assert.equal(listeningPorts(process.pid).includes(address.port), false);
});

test('the table of sockets in /proc is read by column', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000000000000000 100 0 0 10 0
   1: 0100007F:C001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0000000000000000 100 0 0 10 0
`;
  assert.deepEqual(
    [...parseTcpTable(table)],
    [
      ['12345', { port: 8080, state: '0A' }],
      ['12346', { port: 49153, state: '01' }],
    ],
  );
});
