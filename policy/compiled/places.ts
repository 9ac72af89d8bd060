import { isAscii } from 'node:buffer';
import { describeBinary } from '../binary/describe.ts';
import type { Sections } from '../binary/statements.ts';
import type { Describe } from '../decide/explain.ts';
import type { Parsed } from '../language/parse.ts';
import { statementText } from '../language/statement-text.ts';
import type { Policydb, StatementSpans } from '../policydb/policydb.ts';

/** Where each statement stands, by its number: characters of the source, or bytes of a binary policy. */
interface Spans {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

/** How statements are found again; the text itself stays in the source. */
export type Places =
  | (Spans & {
      readonly of: 'source';
      /** By statement. */
      readonly lines: Uint32Array;
      /** The files that `#line` names; the first is the source itself and has no name here. */
      readonly files: readonly string[];
      /** The file by statement; empty where all are in the first. */
      readonly fileOf: Uint32Array;
    })
  | (Spans & { readonly of: 'binary'; readonly sections: Sections });

/** Looks up the place of every statement of a source that was given under the name ''. */
export function placesOfSource({ source }: Parsed, spans: StatementSpans): Places {
  const files = new Map([['', 0]]);
  const fileOf = new Uint32Array(spans.starts.length);
  const lines = new Uint32Array(spans.starts.length);
  spans.starts.forEach((start, statement) => {
    const { file, line } = source.locate(start);
    const number = files.get(file) ?? files.size;
    files.set(file, number);
    lines[statement] = line;
    fileOf[statement] = number;
  });
  const all = files.size === 1 ? new Uint32Array(0) : fileOf;
  return { of: 'source', ...columns(spans), lines, files: [...files.keys()], fileOf: all };
}

export function placesOfBinary(sections: Sections, spans: StatementSpans): Places {
  return { of: 'binary', ...columns(spans), sections };
}

function columns({ starts, ends }: StatementSpans): Spans {
  return { starts: Uint32Array.from(starts), ends: Uint32Array.from(ends) };
}

/** The spans as the database has them, made when they are first asked for. */
export function spansOf({ starts, ends }: Places): () => StatementSpans {
  let spans: StatementSpans | undefined;
  return () => {
    spans ??= { starts: Array.from(starts), ends: Array.from(ends) };
    return spans;
  };
}

/**
 * Describes statements. `source` gives the bytes the policy was made from when they are first needed; where it cannot,
 * file and line are still told.
 */
export function describeFrom(
  places: Places,
  path: string,
  db: Policydb,
  source: () => Uint8Array | undefined,
): Describe {
  let bytes: Uint8Array | undefined;
  const bytesOnce = (): Uint8Array | undefined => {
    bytes ??= source();
    return bytes;
  };
  if (places.of === 'binary') {
    return (statement) => {
      const from = bytesOnce();
      if (from === undefined) return { file: path, line: 0, text: '' };
      return describeBinary(from, path, db, places.sections)(statement);
    };
  }
  const slice = sliceOf(bytesOnce);
  return (statement) => {
    const file = places.files[places.fileOf[statement] ?? 0] || path;
    const written = slice(places.starts[statement] ?? 0, places.ends[statement] ?? 0);
    return { file, line: places.lines[statement] ?? 0, text: written === undefined ? '' : statementText(written) };
  };
}

/** Characters of the source; in pure ASCII they are its bytes, and the rest need not be decoded. */
function sliceOf(source: () => Uint8Array | undefined) {
  let ascii: boolean | undefined;
  let text: string | undefined;
  return (start: number, end: number): string | undefined => {
    const bytes = source();
    if (bytes === undefined) return undefined;
    ascii ??= isAscii(bytes);
    if (ascii) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
    text ??= new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    return text.slice(start, end);
  };
}
