import { limits } from '../../../shared/limits.ts';
import { type Cursor, invalid, offsetOf, type Reading, take, takeName, takeSize } from './cursor.ts';
import { type Block, bounds, PAGE_BYTES, ramFlag } from './wire.ts';

/** A block, and which of its pages the stream has brought so far. */
export interface BlockProgress {
  readonly block: Block;
  /** One bit per page. */
  readonly seen: Uint8Array;
  missingPages: number;
}

const totalBytesMax = limits.memoryMiB * 2 ** 20 + limits.deviceStateBytes;

/** The first word of a RAM record: an address in a block, and flags in its low twelve bits. */
export const flagsOf = (low: number): number => low & (PAGE_BYTES - 1);
export const addressOf = (high: number, low: number): number => high * 2 ** 32 + (low - flagsOf(low));

/**
 * Reads the payload of the `ram` START section: the list of blocks, whose sizes add up to the total in front of it,
 * and the end mark. Names are unique, sizes are whole pages and are all allotted for within `limits`.
 */
export function* readBlockList(cursor: Cursor): Reading<Block[]> {
  const start = offsetOf(cursor);
  const word = yield* take(cursor, 8, 'the list of RAM blocks');
  const low = word.readUInt32BE(4);
  const total = addressOf(word.readUInt32BE(), low);
  if (flagsOf(low) !== ramFlag.memorySize) throw invalid(start, 'the list of RAM blocks', describeFlags(low));
  if (total > totalBytesMax) throw invalid(start, `at most ${totalBytesMax} bytes of RAM`, `${total}`);

  const sizes = new Map<string, number>();
  for (let left = total; left > 0; ) {
    const offset = offsetOf(cursor);
    const name = yield* takeName(cursor, 'the name of a RAM block');
    const bytes = yield* takeSize(cursor, `the size of RAM block ${name}`);
    if (sizes.has(name)) throw invalid(offset, 'each RAM block once', `${name} again`);
    if (sizes.size === bounds.blocks) throw invalid(offset, `at most ${bounds.blocks} RAM blocks`);
    if (bytes === 0 || bytes % PAGE_BYTES !== 0) throw invalid(offset, 'a RAM block of whole pages', `${bytes} bytes`);
    if (bytes > left) throw invalid(offset, `RAM blocks that add up to ${total} bytes`, `${bytes - left} more`);
    sizes.set(name, bytes);
    left -= bytes;
  }
  yield* takeEnd(cursor);
  return [...sizes].map(([name, bytes]) => ({ name, bytes }));
}

/** Blocks of which no page came yet, by name. */
export const trackBlocks = (blocks: readonly Block[]): Map<string, BlockProgress> =>
  new Map(
    blocks.map((block) => {
      const pages = block.bytes / PAGE_BYTES;
      return [block.name, { block, seen: new Uint8Array(Math.ceil(pages / 8)), missingPages: pages }];
    }),
  );

function* takeEnd(cursor: Cursor): Reading<void> {
  const offset = offsetOf(cursor);
  const word = yield* take(cursor, 8, 'the end of the list of RAM blocks');
  if (word.readUInt32BE() !== 0 || word.readUInt32BE(4) !== ramFlag.end) {
    throw invalid(offset, 'the end of the list of RAM blocks', describeFlags(word.readUInt32BE(4)));
  }
}

export const describeFlags = (low: number): string => `a RAM record with flags 0x${flagsOf(low).toString(16)}`;
