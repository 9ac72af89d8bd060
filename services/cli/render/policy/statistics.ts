import type { Style } from '../style.ts';
import { renderFields } from '../table.ts';

/** Counts, one a line, the numbers lined up on the right. */
export function renderStatistics(counts: Readonly<Record<string, number>>, style: Style): string {
  const width = Math.max(...Object.values(counts).map((count) => `${count}`.length));
  return renderFields(
    Object.entries(counts).map(([name, count]) => [name, `${count}`.padStart(width)]),
    style,
  );
}
