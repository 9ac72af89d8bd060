import type { MemorySink } from './runs.ts';
import { type Block, GUEST_MEMORY, PAGE_BYTES } from './wire.ts';

/** The blocks beside the guest's memory: firmware, tables, video memory. Small, and kept by name. */
export type SmallBlocks = ReadonlyMap<string, Buffer>;

/**
 * A sink that keeps small blocks and hands the guest's memory on to `guest`. The reader has bounded their size
 * together by limits.deviceStateBytes before a byte is set aside for them.
 */
export function keepSmallBlocks(guest: Omit<MemorySink, 'blocks'>): { sink: MemorySink; kept: SmallBlocks } {
  const kept = new Map<string, Buffer>();
  const sink: MemorySink = {
    blocks(blocks: readonly Block[]) {
      for (const { name, bytes } of blocks) if (name !== GUEST_MEMORY) kept.set(name, Buffer.alloc(bytes));
    },
    pages(block, offset, slices) {
      if (block.name === GUEST_MEMORY) return guest.pages(block, offset, slices);
      let at = offset;
      for (const slice of slices) {
        kept.get(block.name)!.set(slice, at);
        at += slice.length;
      }
    },
    zero(block, offset) {
      if (block.name === GUEST_MEMORY) return guest.zero(block, offset);
      kept.get(block.name)!.fill(0, offset, offset + PAGE_BYTES);
    },
  };
  return { sink, kept };
}
