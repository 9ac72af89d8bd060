import type { Style } from './style.ts';

/** One column: its heading, what it shows of a row, and on which side numbers line up. */
export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** Colours a cell that is padded already, so that colours do not count as width. */
  readonly paint?: (text: string, row: Row, style: Style) => string;
}

/** Rows under headings, columns two spaces apart, without trailing blanks. No rows: an empty string. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: Style): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = columns.map((column, at) =>
    Math.max(column.heading.length, ...cells.map((row) => (row[at] ?? '').length)),
  );
  const pad = (text: string, at: number) =>
    columns[at]?.align === 'right' ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0);
  const line = (parts: readonly string[]) => parts.join('  ').trimEnd();
  const last = columns.length - 1;
  const padded = (text: string, at: number) => (at === last && columns[at]?.align !== 'right' ? text : pad(text, at));
  const heading = line(columns.map((column, at) => style.bold(padded(column.heading.toUpperCase(), at))));
  const body = rows.map((row, index) =>
    line(
      columns.map((column, at) => {
        const text = padded(cells[index]?.[at] ?? '', at);
        return column.paint === undefined ? text : column.paint(text, row, style);
      }),
    ),
  );
  return `${[heading, ...body].join('\n')}\n`;
}

/** Names and values of one thing, one a line, values lined up. Absent values are left out; an empty name goes on with the one above. */
export function renderFields(pairs: readonly (readonly [string, string | undefined])[], style: Style): string {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length)) + 1;
  return shown
    .map(([name, value]) => `${style.dim((name === '' ? '' : `${name}:`).padEnd(width))}  ${value}\n`)
    .join('');
}
