import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { followTransfer } from '../../../../services/broker/effects/follow-transfer.ts';
import type { World } from '../../../../services/broker/effects/world.ts';
import type { Figures, Performing } from '../../../../services/broker/runtime/kind.ts';
import type { TransferFigures, VmProcess } from '../../../../services/broker/runtime/ports.ts';
import { newKey, openLab, runLinux } from '../../../support/guest.ts';
import { createLine } from '../../../support/line.ts';
import { clientId, vmId } from '../../../support/values.ts';

const vm = vmId('vm1');
const elapsedMs = 5_000;

/** Follows a transfer, each look taken five seconds after the last; `look` may change the world before it. */
function follow(
  process: Pick<VmProcess, 'figures'> | undefined,
  look: (reported: readonly Figures[]) => unknown,
  overtaken = () => false,
) {
  let nowMs = 0;
  const reported: Figures[] = [];
  const clock = { nowMs: () => nowMs, after: () => () => {} };
  const world = { clock, vms: { process: () => process } } as unknown as World;
  const performing: Performing = {
    client: clientId('operator'),
    overtaken,
    report: (figures) => void reported.push(figures),
    async wait() {
      await look(reported);
      nowMs += elapsedMs;
    },
  };
  return { verdict: followTransfer(world, vm, performing), reported };
}

test("a real transfer over a line that goes dead is told apart from one that is slow, and QEMU's guest runs", async () => {
  const lab = await openLab();
  const { guest: source } = await runLinux(lab, 'alpha');
  const destination = await lab.launch(await lab.host('beta'), { kind: 'incoming' });
  const key = newKey();
  const line = await createLine((await destination.listen('127.0.0.1', key)).port);
  try {
    await source.send({ address: '127.0.0.1', port: line.port }, key, {
      bandwidthBytesPerSecond: 1024 ** 2,
      downtimeMsMax: 300,
    });
    let moving = 0;
    const { verdict, reported } = follow(source, async (said) => {
      await delay(200);
      if (said.at(-1)?.stalledForMs === 0) moving += 1;
      if (moving === 5) line.hold();
    });
    assert.equal((await verdict)?.is, 'stalled');
    assert.ok(reported.length >= moving + 12);
    assert.equal(await source.state(), 'running');
    await source.cancelSend();
    assert.equal(await source.state(), 'running');
  } finally {
    line.cut();
    await lab.end();
  }
});

const figures = (changes: Partial<TransferFigures>): TransferFigures => ({
  status: 'active',
  transferredBytes: 1,
  remainingBytes: 1,
  totalBytes: 2,
  bytesPerSecond: 1,
  passes: 1,
  postcopyBytes: 0,
  dirtyBytesPerSecond: 1,
  totalMs: 1,
  ...changes,
});

test('a QEMU that does not answer is followed no longer than a dead line', async () => {
  const silent = { figures: () => Promise.reject(new Error('silent')) };
  const { verdict, reported } = follow(silent, () => {});
  assert.equal((await verdict)?.is, 'stalled');
  assert.deepEqual(reported.at(-1), { stalledForMs: 60_000, notConvergingForMs: 0 });
});

test('what sends but converges nowhere is shown with its rates, and judged', async () => {
  let looks = 0;
  const flat = { figures: async () => figures({ transferredBytes: ++looks, passes: looks, throttlePercent: 20 }) };
  const { verdict, reported } = follow(flat, () => {});
  assert.equal((await verdict)?.is, 'not-converging');
  const last = reported.at(-1);
  assert.deepEqual(
    [last?.stalledForMs, last?.notConvergingForMs, last?.dirtyBytesPerSecond, last?.throttlePercent],
    [0, 300_000, 1, 20],
  );
});

test('following ends with the transfer, or when the operation has gone on', async () => {
  const over = { figures: async () => figures({ status: 'pre-switchover' }) };
  assert.equal(await follow(over, () => {}).verdict, undefined);
  const { verdict, reported } = follow(
    { figures: async () => figures({}) },
    () => {},
    () => true,
  );
  assert.equal(await verdict, undefined);
  assert.deepEqual(reported, []);
});
