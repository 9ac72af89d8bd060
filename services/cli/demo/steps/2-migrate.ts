import type { Step } from '../step.ts';
import { migrateAndCheck, movedText } from './moved.ts';

export const migrate: Step = {
  name: 'migrate',
  title: 'Live from alpha to beta',
  async run(stage) {
    const moved = await migrateAndCheck(stage, 'alpha', 'beta');
    stage.story.seen(`${movedText(moved)}`);
    stage.story.seen(
      `the counter went on: ${moved.lastCountBefore} on alpha, ${moved.firstCountAfter} on beta, the same boot`,
    );
    stage.story.seen(
      `so did its disk: ${moved.lastDiskBefore} was read from it on alpha, ${moved.firstDiskAfter} on beta`,
    );
    stage.story.seen(`the label arrived unchanged; alpha has no QEMU left; the owner is beta, epoch ${moved.epoch}`);
    return {
      summary: `${movedText(moved)}, epoch ${moved.epoch}`,
      figures: {
        downtimeMs: moved.downtimeMs,
        sentBytes: moved.sentBytes,
        bytesPerSecond: Math.round(moved.bytesPerSecond),
        lastCountBefore: moved.lastCountBefore,
        firstCountAfter: moved.firstCountAfter,
        lastDiskBefore: moved.lastDiskBefore,
        firstDiskAfter: moved.firstDiskAfter,
        epoch: moved.epoch,
        label: moved.label,
      },
    };
  },
};
