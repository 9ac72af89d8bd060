import type { Progress } from './random-run.ts';

/** One line that is written over on a terminal, else one line in ten seconds. */
export function progressOn(
  stream: { readonly isTTY?: boolean; write(text: string): unknown },
  wanted: number,
): { show(done: Progress): void; end(): void } {
  const everyMs = stream.isTTY === true ? 200 : 10_000;
  let lastMs = performance.now();
  let shown = false;
  return {
    show({ queries, policies, refused, differences }) {
      const nowMs = performance.now();
      if (nowMs - lastMs < everyMs) return;
      lastMs = nowMs;
      shown = true;
      const line = `${queries}/${wanted} queries, ${policies} policies, ${refused} refused by both, ${differences} differences`;
      stream.write(stream.isTTY === true ? `\r${line}` : `${line}\n`);
    },
    end() {
      if (shown && stream.isTTY === true) stream.write('\n');
    },
  };
}
