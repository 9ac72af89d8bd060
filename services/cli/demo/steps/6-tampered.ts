import { chmodSync, closeSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { poolDisk, readDisk } from '../disk.ts';
import { expect, need } from '../expect.ts';
import { ask, type HostWho, missingRules, qemusOn, type Result, refused, type Stage } from '../stage.ts';
import type { Step } from '../step.ts';
import { restoreAndCheck } from './5-restore.ts';
import { stopAndCheck } from './stopped.ts';

export const tampered: Step = {
  name: 'tampered',
  title: 'The same checkpoint with one bit flipped, with another label, and on gamma',
  async run(stage) {
    const { story, left } = stage;
    const checkpoint = need(left.checkpoint, 'the checkpoint').id;
    const stopped = await stopAndCheck(stage, 'alpha', { force: true });
    story.seen(`it is stopped first, at ${stopped.count}, with ${stopped.disk} on the disk that was restored`);
    const folder = join(stage.layout.checkpoints, checkpoint);
    const restore = (host: HostWho) => ask(stage, 'operator', host, { verb: 'restore', checkpoint });

    const bit = await whileChanged(join(folder, 'memory'), flippedBit(join(folder, 'memory')), () => restore('alpha'));
    const bitCode = notRestored(stage, bit, 'with one bit of its memory flipped');
    story.seen(`one bit of its memory flipped: ${bitCode}, no QEMU was started`);

    const manifest = join(folder, 'manifest');
    const edited = await whileChanged(manifest, otherLabel(manifest, left.label ?? ''), () => restore('alpha'));
    const labelCode = notRestored(stage, edited, 'with another label in its manifest');
    story.seen(`another label in its manifest: ${labelCode}, no QEMU was started`);

    const decision = refused(await restore('gamma'), 'gamma refuses to restore it');
    const missing = missingRules(decision);
    expect(
      missing.some((rule) => /qemu_virtdisk_t vm_user_t:vm .*entrypoint/.test(rule)),
      'the refusal names the rule',
      missing.join(' '),
    );
    expect(qemusOn(stage, 'gamma').length === 0, 'no QEMU was started on gamma');
    story.seen(`on gamma: refused, missing: ${missing.join(' ')}`);

    const { count: diskAfter } = await readDisk(poolDisk(stage));
    expect(
      diskAfter === stopped.disk,
      'what was refused did not touch the disk',
      `${diskAfter}, it was ${stopped.disk}`,
    );

    // What was put back is whole again: it was the change that was refused, and nothing else.
    await restoreAndCheck(stage);
    story.seen('put back as it was, it is restored on alpha again');
    return {
      summary: `${bitCode}, ${labelCode}, missing: ${missing.join(' ')}`,
      figures: {
        bitFlipped: bitCode,
        labelEdited: labelCode,
        missingOnGamma: missing,
        diskAtStop: stopped.disk,
        diskAfterRefusals: diskAfter,
      },
    };
  },
};

function notRestored(stage: Stage, result: Result, what: string): string {
  expect(result.is === 'failed', `it is not restored ${what}`, result.is);
  const { code, message } = result.fault;
  expect(['CHECKPOINT_DAMAGED', 'MESSAGE_FORGED'].includes(code), `that is noticed ${what}`, `${code}: ${message}`);
  expect(qemusOn(stage, 'alpha').length === 0, `no QEMU was started ${what}`);
  return code;
}

interface Change {
  readonly offset: number;
  readonly before: Buffer;
  readonly after: Buffer;
}

/** One bit, in the middle of the file. */
function flippedBit(path: string): Change {
  const fd = openSync(path, 'r');
  try {
    const offset = 96 * 1024 * 1024 + 1234;
    const before = Buffer.alloc(1);
    readSync(fd, before, 0, 1, offset);
    return { offset, before, after: Buffer.from([before.readUInt8(0) ^ 0b100]) };
  } finally {
    closeSync(fd);
  }
}

/** The label, with its first category changed to one of the same length. */
function otherLabel(path: string, label: string): Change {
  const before = Buffer.from(label);
  const after = Buffer.from(
    label.includes('c10') ? label.replace('c10', 'c11') : label.replace('vm_user_t', 'vm_used_t'),
  );
  const offset = readFileSync(path).indexOf(before);
  expect(offset >= 0, 'the label is in the manifest');
  return { offset, before, after };
}

/** Changes a file in place, and puts it back whatever happens. What is saved is read-only, also to its owner. */
async function whileChanged<T>(path: string, change: Change, act: () => Promise<T>): Promise<T> {
  const { mode } = statSync(path);
  const write = (bytes: Buffer) => {
    chmodSync(path, mode | 0o200);
    const fd = openSync(path, 'r+');
    try {
      writeSync(fd, bytes, 0, bytes.length, change.offset);
    } finally {
      closeSync(fd);
      chmodSync(path, mode);
    }
  };
  write(change.after);
  try {
    return await act();
  } finally {
    write(change.before);
  }
}
