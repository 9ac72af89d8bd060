import { isAscii } from 'node:buffer';
import { describeBinary } from '../binary/describe.ts';
import type { Section, Statements } from '../binary/statements.ts';
import type { Describe } from '../decide/explain.ts';
import type { Parsed } from '../language/parse.ts';
import { statementText } from '../language/statement-text.ts';
import type { Policydb, StatementSpans } from '../policydb/policydb.ts';

/** How statements are found again, by their numbers; the text itself stays in the source. */
export type Places =
  | {
      readonly of: 'source';
      /** Characters of the source. */
      readonly starts: Uint32Array;
      readonly ends: Uint32Array;
      readonly lines: Uint32Array;
      /** The files that `#line` names; the first is the source itself and has no name here. */
      readonly files: readonly string[];
      /** The file by statement; empty where all are in the first. */
      readonly fileOf: Uint32Array;
    }
  | {
      readonly of: 'binary';
      /** Bytes of the binary policy. */
      readonly starts: Uint32Array;
      readonly sections: readonly Section[];
    };

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
  const [starts, ends] = [Uint32Array.from(spans.starts), Uint32Array.from(spans.ends)];
  return { of: 'source', starts, ends, lines, files: [...files.keys()], fileOf: all };
}

export function placesOfBinary({ starts, sections }: Statements): Places {
  return { of: 'binary', starts: Uint32Array.from(starts.data.subarray(0, starts.length)), sections };
}

/**
 * Describes statements. `placesOf` and `source` give where they stand and the bytes the policy was made from when they
 * are first needed; without the bytes, file and line are still told.
 */
export function describeFrom(
  placesOf: () => Places,
  path: string,
  db: Policydb,
  source: () => Uint8Array | undefined,
): Describe {
  let bytes: Uint8Array | undefined;
  const bytesOnce = (): Uint8Array | undefined => {
    bytes ??= source();
    return bytes;
  };
  const slice = sliceOf(bytesOnce);
  return (statement) => {
    const places = placesOf();
    if (places.of === 'binary') {
      const from = bytesOnce();
      if (from === undefined) return { file: path, line: 0, text: '' };
      return describeBinary(from, path, db, places.starts, places.sections)(statement);
    }
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
