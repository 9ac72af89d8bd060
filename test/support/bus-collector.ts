/** Collects what comes and lets a test wait for as much of it as it needs. */
export interface Collector<T> {
  readonly items: T[];
  push(item: T): void;
  /** Resolves with everything so far as soon as there are that many. */
  atLeast(count: number): Promise<T[]>;
}

export function createCollector<T>(): Collector<T> {
  const items: T[] = [];
  const waiting = new Set<() => void>();
  return {
    items,
    push(item) {
      items.push(item);
      for (const wake of [...waiting]) wake();
    },
    async atLeast(count) {
      while (items.length < count) {
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
      return items;
    },
  };
}
