/** One result. `ours` and `theirs` were measured in the same run, in turns; `ratio` is one over the other. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs?: number;
  /** Whose figure `theirs` is. */
  readonly against?: string;
  /** What the issue wants: of the ratio where there is one to compare with and the aim says so, else of `ours`. */
  readonly aim?: { readonly of: 'ours' | 'ratio'; readonly atMost: number };
}

/** What could not be measured, and what is missing for it. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}

export interface Report {
  readonly area: string;
  readonly figures: readonly Figure[];
  readonly skipped: readonly Skipped[];
}

export function ratioOf({ ours, theirs }: Figure): number | undefined {
  return theirs === undefined || theirs === 0 ? undefined : ours / theirs;
}

/** Whether the aim is met; undefined where there is none, or nothing to compare with. */
export function isMet(figure: Figure): boolean | undefined {
  if (figure.aim === undefined) return undefined;
  const value = figure.aim.of === 'ours' ? figure.ours : ratioOf(figure);
  return value === undefined ? undefined : value <= figure.aim.atMost;
}

/** The report as JSON: every figure with its ratio and whether its aim is met. */
export function toJson(report: Report): string {
  const figures = report.figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), met: isMet(figure) }));
  return `${JSON.stringify({ ...report, figures }, undefined, 2)}\n`;
}

/** The report as lines: name, ours, theirs, ratio, aim. */
export function toText({ area, figures, skipped }: Report): string {
  const rows = figures.map((figure) => {
    const { name, unit, ours, theirs, against, aim } = figure;
    const ratio = ratioOf(figure);
    const met = isMet(figure);
    return [
      name,
      `${rounded(ours)} ${unit}`,
      theirs === undefined ? '' : `${against ?? 'other'} ${rounded(theirs)} ${unit}`,
      ratio === undefined ? '' : `${rounded(ratio)}×`,
      aim === undefined ? '' : `aim ≤ ${aim.atMost} ${aim.of === 'ratio' ? '×' : unit}`,
      met === undefined ? '' : met ? 'met' : 'missed',
    ];
  });
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(0, ...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const left = skipped.map(({ name, why }) => `${name}: not measured, ${why}`);
  return `${[`${area}:`, ...lines, ...left].join('\n')}\n`;
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
