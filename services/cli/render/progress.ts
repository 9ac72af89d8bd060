import type { OperationView } from '../../../shared/messages/view.ts';
import { figuresText, queueText, troubleText } from './operation.ts';
import type { Style } from './style.ts';
import { bytesText, rateText } from './units.ts';

/** The share of the bytes that are over, 0 to 1, or nothing while the total is not known. Dirtied pages may take it back. */
export function shareDone(progress: OperationView['progress']): number | undefined {
  const { remainingBytes, totalBytes, transferredBytes } = progress;
  if (totalBytes === undefined || totalBytes === 0 || transferredBytes === undefined) return undefined;
  if (remainingBytes !== undefined) return Math.min(1, Math.max(0, 1 - remainingBytes / totalBytes));
  return Math.min(1, transferredBytes / totalBytes);
}

/** A bar of `width` characters. */
export function bar(share: number, width: number, style: Style): string {
  const full = Math.round(share * width);
  return style.accent('█'.repeat(full)) + style.dim('░'.repeat(width - full));
}

/** One line of progress that fits a terminal of `columns`. What keeps it from its end stands in the place of the bar. */
export function progressLine(view: OperationView, columns: number, style: Style): string {
  const share = shareDone(view.progress);
  const phase = view.progress.phase;
  if (share === undefined) {
    return `  ${phase.padEnd(18)} ${queueText(view) || figuresText(view)}`.slice(0, columns - 1);
  }
  const trouble = troubleText(view);
  if (trouble !== undefined) {
    const line = `  ${phase} ${String(Math.round(share * 100)).padStart(3)} %  ${trouble}`.slice(0, columns - 1);
    return style.warn(line);
  }
  const { transferredBytes = 0, bytesPerSecond } = view.progress;
  const tail = `${String(Math.round(share * 100)).padStart(3)} %  ${bytesText(transferredBytes)}${
    bytesPerSecond === undefined ? '' : `  ${rateText(bytesPerSecond)}`
  }`;
  const width = Math.max(8, Math.min(40, columns - tail.length - 26));
  return `  ${phase.padEnd(18)} ${bar(share, width, style)} ${tail}`;
}

/** A line that is written over and over on a terminal; elsewhere one line each `quietMs`. */
export interface ProgressDisplay {
  show(view: OperationView): void;
  /** Takes the line away, so that what comes after stands on its own. */
  clear(): void;
}

const quietMs = 10_000;

/** Shows progress on a stream. `nowMs` is the time, passed in. */
export function progressDisplay(
  stream: { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined; write(text: string): unknown },
  style: Style,
  nowMs: () => number,
): ProgressDisplay {
  if (stream.isTTY !== true) {
    let lastMs = nowMs();
    return {
      show(view) {
        if (nowMs() - lastMs < quietMs) return;
        lastMs = nowMs();
        stream.write(`${progressLine(view, 120, style).trim()}\n`);
      },
      clear() {
        lastMs = nowMs();
      },
    };
  }
  let shown = false;
  return {
    show(view) {
      stream.write(`\r\u001b[2K${progressLine(view, stream.columns ?? 80, style)}`);
      shown = true;
    },
    clear() {
      if (shown) stream.write('\r\u001b[2K');
      shown = false;
    },
  };
}
