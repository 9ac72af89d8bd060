import { styleText } from 'node:util';

/** How text is made to stand out. Meaning never hangs on colour alone: every mark is also a character or a word. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  accent(text: string): string;
}

type Format = Parameters<typeof styleText>[0];

const styleOf = (paint: (format: Format, text: string) => string): Style => ({
  bold: (text) => paint('bold', text),
  dim: (text) => paint('dim', text),
  good: (text) => paint('green', text),
  bad: (text) => paint('red', text),
  warn: (text) => paint('yellow', text),
  accent: (text) => paint('cyan', text),
});

export const plain: Style = styleOf((_format, text) => text);
export const coloured: Style = styleOf((format, text) => styleText(format, text, { validateStream: false }));

/** Colours for a stream: only on a terminal that shows them, and never where NO_COLOR is set (no-color.org). */
export function styleFor(
  stream: { readonly isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Style {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return plain;
  if (env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0') return coloured;
  return stream.isTTY === true && env['TERM'] !== 'dumb' ? coloured : plain;
}
