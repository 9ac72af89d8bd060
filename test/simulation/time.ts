/** Virtual time: a queue of what is going to happen. It goes on by one event a step, and costs nothing in between. */
export interface Time {
  nowMs(): number;
  /** Happens once after `delayMs`; the answer takes it back. */
  after(delayMs: number, act: () => void): () => void;
  /** Makes the next thing happen; false when nothing is left. */
  step(): boolean;
  /** When the next thing happens; Infinity when nothing is left. */
  nextAtMs(): number;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  act: (() => void) | undefined;
}

/** What is due at the same moment happens in the order it was asked for. */
export function createTime(startMs: number): Time {
  // A binary heap: the parent of an entry is due before it.
  const heap: Due[] = [];
  let nowMs = startMs;
  let orders = 0;

  const before = (a: Due, b: Due) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

  function push(due: Due): void {
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Due;
      if (!before(due, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = due;
  }

  function pop(): Due {
    const first = heap[0] as Due;
    const last = heap.pop() as Due;
    const { length } = heap;
    if (length === 0) return first;
    let at = 0;
    for (;;) {
      let down = at * 2 + 1;
      if (down >= length) break;
      if (down + 1 < length && before(heap[down + 1] as Due, heap[down] as Due)) down += 1;
      if (!before(heap[down] as Due, last)) break;
      heap[at] = heap[down] as Due;
      at = down;
    }
    heap[at] = last;
    return first;
  }

  function dropCancelled(): void {
    while (heap.length > 0 && (heap[0] as Due).act === undefined) pop();
  }

  return {
    nowMs: () => nowMs,
    after(delayMs, act) {
      const due: Due = { atMs: nowMs + Math.max(0, delayMs), order: orders++, act };
      push(due);
      return () => {
        due.act = undefined;
      };
    },
    step() {
      dropCancelled();
      if (heap.length === 0) return false;
      const { atMs, act } = pop();
      nowMs = atMs;
      act?.();
      return true;
    },
    nextAtMs() {
      dropCancelled();
      return heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
    },
  };
}
