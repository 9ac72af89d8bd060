import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { assemble } from '../../../../services/broker/vmstate/assemble.ts';
import { newStreamReader } from '../../../../services/broker/vmstate/reader.ts';
import { receive } from '../../../../services/broker/vmstate/receive.ts';
import { keepSmallBlocks } from '../../../../services/broker/vmstate/small-blocks.ts';
import { shut } from '../../../../services/broker/vmstate/wire.ts';
import { temporaryDirectory } from '../../../support/vmstate-files.ts';
import {
  memoryOf,
  setCapabilities,
  startQemu,
  stoppedQemu,
  streamOf,
  type TestQemu,
  testMachine,
} from '../../../support/vmstate-qemu.ts';
import { readStream } from '../../../support/vmstate-sink.ts';

const { machine, uuid, memoryBytes } = testMachine;
const expected = { machine, uuid, memoryBytes };

for (const [what, capabilities, answer] of [
  ['an ordinary migration', [], undefined],
  ['a background snapshot', ['background-snapshot'], undefined],
  ['a migration with return path and UUID', ['return-path', 'validate-uuid'], shut(0)],
] as const) {
  test(`${what} of a real QEMU is read whole`, async (t) => {
    const directory = temporaryDirectory(t);
    await using qemu = await stoppedQemu(['VGA', 'virtio-net-pci', 'virtio-rng-pci']);
    const memory = await memoryOf(qemu, join(directory, 'pmem'));
    await setCapabilities(qemu, capabilities);
    const stream = await streamOf(qemu, join(directory, 's'), answer);
    const cuts = Array.from({ length: Math.floor(stream.length / 100_003) }, (_, index) => (index + 1) * 100_003);
    const read = readStream(stream, expected, cuts);
    assert.ok(read.memory.get('pc.ram')?.equals(memory), 'the memory is as QEMU writes it down');
    assert.ok(read.state.devices.length > 25, `${read.state.devices.length} devices`);
    assert.ok(read.state.devices.some((device) => device.name.endsWith('/virtio-net')));
    assert.equal(read.state.opensReturnPath, answer !== undefined);
    assert.equal(read.answerDue, answer !== undefined);
    assert.deepEqual(read.state.uuid, answer === undefined ? undefined : uuid);
  });
}

test('memory that a real QEMU leaves out is refused', async (t) => {
  const directory = temporaryDirectory(t);
  await using qemu = await stoppedQemu();
  await setCapabilities(qemu, ['x-ignore-shared']);
  const stream = await streamOf(qemu, join(directory, 's'));
  assert.throws(() => readStream(stream, expected), { message: /no capability that changes the stream/ });
});

/** Receives a background snapshot of a stopped QEMU and answers with its memory as it was. */
async function save(t: TestContext, directory: string, qemu: TestQemu): Promise<Buffer> {
  const memory = await memoryOf(qemu, join(directory, 'pmem'));
  const memoryFd = openSync(join(directory, 'memory'), 'wx+');
  const devicesFd = openSync(join(directory, 'devices'), 'wx+');
  ftruncateSync(memoryFd, memoryBytes);
  const receiving = await receive({ socketPath: join(directory, 's'), memoryFd, devicesFd, expected });
  t.after(() => receiving.cancel());
  await setCapabilities(qemu, ['background-snapshot']);
  await qemu.execute('migrate', { uri: `unix:${join(directory, 's')}` });
  await receiving.received;
  await receiving.acknowledge(true);
  closeSync(memoryFd);
  closeSync(devicesFd);
  assert.ok(readFileSync(join(directory, 'memory')).equals(memory), 'the memory file is the memory');
  return memory;
}

test('what was received from a real QEMU is restored by a real QEMU that maps the memory file', async (t) => {
  const directory = temporaryDirectory(t);
  let memory: Buffer;
  {
    await using qemu = await stoppedQemu(['virtio-rng-pci']);
    memory = await save(t, directory, qemu);
  }
  const memoryFd = openSync(join(directory, 'memory'), 'r');
  const devicesFd = openSync(join(directory, 'devices'), 'r');
  t.after(() => [memoryFd, devicesFd].forEach((fd) => void closeSync(fd)));
  await using restored = await startQemu({
    memoryFd,
    inherit: [devicesFd],
    incoming: true,
    devices: ['virtio-rng-pci'],
  });
  await restored.execute('migrate-incoming', { uri: 'fd:4' });
  await restored.migration('completed');
  assert.equal((await restored.execute('query-status'))['status'], 'paused');
  assert.ok((await memoryOf(restored, join(directory, 'pmem-restored'))).equals(memory), 'the memory is the same');
  await restored.execute('cont');
  assert.equal((await restored.execute('query-status'))['status'], 'running');
  await restored.execute('system_reset');
  await restored.execute('human-monitor-command', { 'command-line': 'xp /1xw 0' });
  assert.ok(readFileSync(join(directory, 'memory')).equals(memory), 'the file stays as it was while the guest runs');
});

test('the assembled stream names every block and holds no page of the guest memory', async (t) => {
  const directory = temporaryDirectory(t);
  await using qemu = await stoppedQemu();
  const stream = await streamOf(qemu, join(directory, 's'));
  const { sink, kept } = keepSmallBlocks({ pages() {}, zero() {} });
  const reader = newStreamReader(expected, sink);
  reader.push(stream);
  const state = reader.finish();
  const assembled = Buffer.concat(assemble(state, kept));
  writeFileSync(join(directory, 'devices'), assembled);
  const small = state.blocks.filter((block) => block.name !== 'pc.ram').reduce((sum, block) => sum + block.bytes, 0);
  assert.ok(assembled.length < small + state.tail.length + 4096, `${assembled.length} bytes`);
  assert.throws(() => readStream(assembled, expected), /every page of pc.ram, found 16384 missing/);
  const blocksAt = assembled.indexOf('pc.ram');
  assert.ok(assembled.subarray(blocksAt, blocksAt + 400).includes('/rom@etc/acpi/tables'));
});

test('a stream of a real QEMU with a byte changed in its head or tail is refused, or is a stream of the same sections', async (t) => {
  await using qemu = await stoppedQemu();
  const stream = await streamOf(qemu, join(temporaryDirectory(t), 's'));
  const { state } = readStream(stream, expected);
  const tailAt = stream.length - state.tail.length;
  const place = fc.oneof(fc.nat(250), fc.integer({ min: tailAt, max: stream.length - 1 }));
  const sizes = (blocks: readonly { bytes: number }[]) => blocks.map(({ bytes }) => bytes);
  fc.assert(
    fc.property(place, fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Buffer.from(stream);
      changed[at]! ^= change;
      let read: ReturnType<typeof readStream>;
      try {
        read = readStream(changed, expected);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'STREAM_INVALID', String(error));
        return;
      }
      assert.deepEqual(sizes(read.state.blocks), sizes(state.blocks));
      assert.deepEqual(sizes(read.state.devices), sizes(state.devices));
    }),
    { numRuns: 100 },
  );
});
