import type { SourceLine } from '../policy.ts';

/** One piece of source as given to the loader. */
export interface SourceFile {
  readonly file: string;
  readonly text: string;
}

/** A `#line N "file"` mark: the text line after `offset` is line `line` of `file`. */
export interface LineMark {
  readonly offset: number;
  readonly line: number;
  readonly file?: string;
}

/** Where a character of the joined text stands. `offset` counts from 0 in the text of the file that was given. */
export interface Location extends SourceLine {
  readonly column: number;
  readonly offset: number;
}

/** The joined text of all files, and the way back from a character to a file and a line. */
export interface SourceText {
  readonly text: string;
  locate(offset: number): Location;
}

/**
 * Joins the files, a line feed between them. Lines and marks are indexed on the first question, since a policy
 * without errors may never ask one.
 */
export function joinSources(files: readonly SourceFile[], marks: () => readonly LineMark[]): SourceText {
  const first = files[0];
  const text = files.length === 1 && first !== undefined ? first.text : files.map((file) => file.text).join('\n');
  let lineStarts: Uint32Array | undefined;
  const locate = (offset: number): Location => {
    lineStarts ??= indexLines(text);
    const at = Math.max(0, Math.min(offset, text.length));
    const { file, start } = fileAt(files, at);
    const row = lastAtMost(lineStarts, at);
    const lineStart = lineStarts[row] ?? 0;
    const line = { line: row - lastAtMost(lineStarts, start) + 1, file };
    const column = at - Math.max(lineStart, start) + 1;
    return { ...applyMarks(marks(), lineStarts, line, row, start, lineStart), column, offset: at - start };
  };
  return { text, locate };
}

function applyMarks(
  marks: readonly LineMark[],
  lineStarts: Uint32Array,
  plain: SourceLine,
  row: number,
  fileStart: number,
  lineStart: number,
): SourceLine {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle]?.offset ?? 0) < lineStart) low = middle + 1;
    else high = middle;
  }
  const mark = marks[low - 1];
  if (mark === undefined || mark.offset < fileStart) return plain;
  const line = mark.line + (row - lastAtMost(lineStarts, mark.offset) - 1);
  for (let index = low - 1; index >= 0; index--) {
    const named = marks[index];
    if (named === undefined || named.offset < fileStart) break;
    if (named.file !== undefined) return { file: named.file, line };
  }
  return { file: plain.file, line };
}

function fileAt(files: readonly SourceFile[], offset: number): { file: string; start: number } {
  let start = 0;
  for (const { file, text } of files) {
    if (offset <= start + text.length) return { file, start };
    start += text.length + 1;
  }
  return { file: files.at(-1)?.file ?? '', start: 0 };
}

function indexLines(text: string): Uint32Array {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return Uint32Array.from(starts);
}

function lastAtMost(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
