/** Which ways are cut. A way has a direction, so that a cut may let answers through and no questions. */
export interface Links {
  cut(from: string, to: string): void;
  /** Every way from and to that place. */
  isolate(place: string): void;
  mend(): void;
  carries(from: string, to: string): boolean;
  isWhole(): boolean;
}

/** The bus is a place like a host; hosts reach each other over it, and directly when QEMU speaks to QEMU. */
export const theBus = 'bus';

export function createLinks(): Links {
  const cuts = new Set<string>();
  const isolated = new Set<string>();
  return {
    cut: (from, to) => void cuts.add(`${from}>${to}`),
    isolate: (place) => void isolated.add(place),
    mend() {
      cuts.clear();
      isolated.clear();
    },
    carries: (from, to) =>
      (isolated.size === 0 || (!isolated.has(from) && !isolated.has(to))) &&
      (cuts.size === 0 || !cuts.has(`${from}>${to}`)),
    isWhole: () => cuts.size === 0 && isolated.size === 0,
  };
}
