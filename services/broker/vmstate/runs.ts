import type { Block } from './wire.ts';

/** What a reader of a stream does with memory. Every block begins as zeros. */
export interface MemorySink {
  /** The blocks, once, before any of their bytes. */
  blocks(blocks: readonly Block[]): void;
  /**
   * Bytes of a block, from `offset` on, in `slices` that follow one another. The slices are views of the chunk that was
   * pushed. A page may come more than once: the last one counts. Pages may be cut where a chunk ends.
   */
  pages(block: Block, offset: number, slices: readonly Uint8Array[]): void;
  /** A page that was sent before is zero now. Zero pages that were not sent before are not reported. */
  zero(block: Block, offset: number): void;
}

/** Gathers pages that follow one another, so that each run is written at once. */
export interface Runs {
  page(block: Block, offset: number, slice: Uint8Array): void;
  zero(block: Block, offset: number): void;
  /** Hands on what was gathered; at the end of every chunk, whose bytes the slices are. */
  flush(): void;
}

export function newRuns(sink: MemorySink): Runs {
  let run: { block: Block; offset: number; end: number; slices: Uint8Array[] } | undefined;
  const flush = () => {
    if (run === undefined) return;
    const { block, offset, slices } = run;
    run = undefined;
    sink.pages(block, offset, slices);
  };
  return {
    flush,
    page(block, offset, slice) {
      if (run !== undefined && run.end === offset && run.block === block) {
        run.slices.push(slice);
        run.end += slice.length;
        return;
      }
      flush();
      run = { block, offset, end: offset + slice.length, slices: [slice] };
    },
    zero(block, offset) {
      flush();
      sink.zero(block, offset);
    },
  };
}
