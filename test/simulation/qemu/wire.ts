import type { Qemu, Surroundings } from './qemu.ts';
import type { RunStates } from './run-states.ts';

/** What lies between two QEMUs. */
export interface Wire {
  /** Whether the line is whole, there and back. */
  reaches(from: Qemu, to: Qemu): boolean;
  /**
   * Whether what is sent now arrives. Where the line is cut nobody notices until the connection breaks: either it does, or it
   * is tried `again`.
   */
  throughOr(from: Qemu, to: Qemu, again: () => void): boolean;
  /** The next transfer's connection breaks. */
  breakNext(): void;
}

export function createWire({ time, random, links }: Surroundings, { peerIsGone }: RunStates): Wire {
  let breaks = false;
  const reaches = (from: Qemu, to: Qemu) => links.carries(from.host, to.host) && links.carries(to.host, from.host);

  function throughOr(from: Qemu, to: Qemu, again: () => void): boolean {
    const broken = breaks;
    breaks = false;
    if (!broken && reaches(from, to)) return true;
    if (broken || random.chance(0.3)) {
      peerIsGone(from);
      peerIsGone(to);
    } else time.after(1_000, again);
    return false;
  }

  return {
    reaches,
    throughOr,
    breakNext() {
      breaks = true;
    },
  };
}
