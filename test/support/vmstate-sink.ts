import { newStreamReader, type StreamState } from '../../services/broker/vmstate/reader.ts';
import type { MemorySink } from '../../services/broker/vmstate/runs.ts';
import { PAGE_BYTES } from '../../services/broker/vmstate/wire.ts';

/** Memory in plain buffers. It throws where the reader would write outside a block. */
export function memorySink(): { sink: MemorySink; memory: Map<string, Buffer> } {
  const memory = new Map<string, Buffer>();
  const room = (name: string, offset: number, length: number) => {
    const bytes = memory.get(name);
    if (bytes === undefined || offset < 0 || offset + length > bytes.length) {
      throw new Error(`the reader wrote outside ${name}: ${offset} + ${length}`);
    }
    return bytes;
  };
  const sink: MemorySink = {
    blocks(blocks) {
      for (const { name, bytes } of blocks) memory.set(name, Buffer.alloc(bytes));
    },
    pages(block, offset, slices) {
      let at = offset;
      for (const slice of slices) {
        room(block.name, at, slice.length).set(slice, at);
        at += slice.length;
      }
    },
    zero: (block, offset) => void room(block.name, offset, PAGE_BYTES).fill(0, offset, offset + PAGE_BYTES),
  };
  return { sink, memory };
}

/** Reads a stream in chunks that end at `cuts`. Each chunk is overwritten afterwards, as a buffer that is used again is. */
export function readStream(
  stream: Uint8Array,
  expected: Parameters<typeof newStreamReader>[0],
  cuts: readonly number[] = [],
): { state: StreamState; memory: Map<string, Buffer>; answerDue: boolean } {
  const { sink, memory } = memorySink();
  const reader = newStreamReader(expected, sink);
  let from = 0;
  for (const to of [...cuts, stream.length]) {
    const chunk = Buffer.from(stream.subarray(from, to));
    reader.push(chunk);
    chunk.fill(0xa5);
    from = to;
  }
  return { answerDue: reader.answerDue(), state: reader.finish(), memory };
}
