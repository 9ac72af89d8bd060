import type { Style } from './style.ts';
import { type Column, renderTable } from './table.ts';

export const outputFormats = ['table', 'json', 'jsonl', 'yaml', 'name'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** The version of the JSON and YAML output; fields are added to it, never renamed. */
const schema = 1;

/** A list, ready for every format. `key` is its name in JSON. */
export interface Listing<Row> {
  readonly key: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly name: (row: Row) => string;
  /** What is said instead of an empty table. */
  readonly empty: string;
}

/** One thing, ready for every format. */
export interface Showing<Value> {
  readonly key: string;
  readonly value: Value;
  readonly name: string;
  readonly table: (style: Style) => string;
}

/** How values become YAML; passed in, so that nobody pays for it who does not ask for it. */
export type ToYaml = (value: unknown) => string;

export function renderListing<Row>(listing: Listing<Row>, format: OutputFormat, style: Style, toYaml: ToYaml): string {
  switch (format) {
    case 'table':
      return listing.rows.length === 0 ? `${listing.empty}\n` : renderTable(listing.columns, listing.rows, style);
    case 'json':
      return `${JSON.stringify({ schema, [listing.key]: listing.rows }, null, 2)}\n`;
    case 'jsonl':
      return listing.rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    case 'yaml':
      return toYaml({ schema, [listing.key]: listing.rows });
    case 'name':
      return listing.rows.map((row) => `${listing.name(row)}\n`).join('');
  }
}

export function renderShowing<Value>(
  showing: Showing<Value>,
  format: OutputFormat,
  style: Style,
  toYaml: ToYaml,
): string {
  switch (format) {
    case 'table':
      return showing.table(style);
    case 'json':
      return `${JSON.stringify({ schema, [showing.key]: showing.value }, null, 2)}\n`;
    case 'jsonl':
      return `${JSON.stringify(showing.value)}\n`;
    case 'yaml':
      return toYaml({ schema, [showing.key]: showing.value });
    case 'name':
      return `${showing.name}\n`;
  }
}
