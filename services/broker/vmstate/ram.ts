import { addressOf, type BlockProgress, describeFlags, flagsOf } from './blocks.ts';
import { type Cursor, invalid, offsetOf, type Reading, take, takeByte, takeName } from './cursor.ts';
import type { Runs } from './runs.ts';
import { PAGE_BYTES, ramFlag } from './wire.ts';

/** The blocks of a stream, and the one that records without a name mean: it carries over from section to section. */
export interface Ram {
  readonly blocks: ReadonlyMap<string, BlockProgress>;
  current: BlockProgress | undefined;
}

const CONTINUED_PAGE = ramFlag.page | ramFlag.continued;
const CONTINUED_ZERO = ramFlag.zero | ramFlag.continued;
const WORD_BYTES = 8;

/**
 * Reads the payload of a `ram` PART or END section: page records up to the end mark. Every page lies in its block;
 * compressed, delta-encoded, out-of-band and hook records are refused.
 */
export function* readPages(cursor: Cursor, ram: Ram, runs: Runs): Reading<void> {
  for (;;) {
    readWholeRecords(cursor, ram.current, runs);
    const offset = offsetOf(cursor);
    const word = yield* take(cursor, WORD_BYTES, 'a RAM record or the end of the section');
    const low = word.readUInt32BE(4);
    const address = addressOf(word.readUInt32BE(), low);
    const flags = flagsOf(low);
    if (flags === ramFlag.end && address === 0) return;
    const kind = flags & ~ramFlag.continued;
    if (kind !== ramFlag.page && kind !== ramFlag.zero) {
      throw invalid(offset, 'a page, a zero page or the end of the section', describeFlags(low));
    }
    if (kind === flags) ram.current = yield* takeBlock(cursor, ram);
    if (ram.current === undefined) throw invalid(offset, 'a first RAM record that names its block');
    const again = admit(ram.current, address, offset);
    if (kind === ramFlag.page) yield* takePage(cursor, ram.current, address, runs);
    else {
      const fill = yield* takeByte(cursor, 'the fill byte of a zero page');
      checkFill(fill, offset);
      if (again) runs.zero(ram.current.block, address);
    }
  }
}

/** The same for records that lie whole in the chunk and name no block: nearly all of them, so it must be quick. */
function readWholeRecords(cursor: Cursor, current: BlockProgress | undefined, runs: Runs): void {
  if (current === undefined) return;
  const { chunk, base } = cursor;
  const end = chunk.length;
  let at = cursor.at;
  while (end - at > WORD_BYTES) {
    const low = chunk.readUInt32BE(at + 4);
    const flags = flagsOf(low);
    const dataAt = at + WORD_BYTES;
    if (flags === CONTINUED_PAGE) {
      if (end - dataAt < PAGE_BYTES) break;
      const address = addressOf(chunk.readUInt32BE(at), low);
      admit(current, address, base + at);
      at = dataAt + PAGE_BYTES;
      runs.page(current.block, address, chunk.subarray(dataAt, at));
    } else if (flags === CONTINUED_ZERO) {
      const address = addressOf(chunk.readUInt32BE(at), low);
      const again = admit(current, address, base + at);
      checkFill(chunk[dataAt]!, base + at);
      at = dataAt + 1;
      if (again) runs.zero(current.block, address);
    } else break;
  }
  cursor.at = at;
}

/** Hands on the bytes of one page as they come, also when they are split over chunks. */
function* takePage(cursor: Cursor, current: BlockProgress, address: number, runs: Runs): Reading<void> {
  cursor.expecting = 'the bytes of a page';
  for (let have = 0; have < PAGE_BYTES; ) {
    if (cursor.at === cursor.chunk.length) yield;
    const slice = cursor.chunk.subarray(cursor.at, cursor.at + PAGE_BYTES - have);
    runs.page(current.block, address + have, slice);
    cursor.at += slice.length;
    have += slice.length;
  }
}

function* takeBlock(cursor: Cursor, ram: Ram): Reading<BlockProgress> {
  const offset = offsetOf(cursor);
  const name = yield* takeName(cursor, 'the name of a RAM block');
  const block = ram.blocks.get(name);
  if (block === undefined) throw invalid(offset, 'a RAM block of the list', name);
  return block;
}

/** Checks that the page lies in its block and marks it as seen; true where it was seen before. */
function admit(progress: BlockProgress, address: number, offset: number): boolean {
  const { block, seen } = progress;
  if (address + PAGE_BYTES > block.bytes) {
    throw invalid(offset, `a page of the ${block.bytes} bytes of ${block.name}`, `address ${address}`);
  }
  const page = address / PAGE_BYTES;
  const bit = 1 << (page & 7);
  const byte = seen[page >>> 3]!;
  if ((byte & bit) !== 0) return true;
  seen[page >>> 3] = byte | bit;
  progress.missingPages--;
  return false;
}

function checkFill(fill: number, offset: number): void {
  if (fill !== 0) throw invalid(offset, 'a zero page filled with 0', `${fill}`);
}
