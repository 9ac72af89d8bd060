import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { isBinaryPolicy } from './binary/header.ts';
import { loadBinary } from './binary/load-binary.ts';
import { sourceCharsMax } from './language/parse.ts';
import { type LoadOptions, loadPolicy } from './load.ts';
import type { Loaded } from './policy.ts';

/**
 * Reads a policy and loads it: a source, or a binary kernel policy, which its first four bytes tell. The file is opened
 * once and its size checked before it is read. Answers a diagnostic when it cannot be read, is no regular file, is too
 * large or is neither.
 */
export function readPolicyFile(path: string, options: LoadOptions = {}): Loaded {
  try {
    const bytes = readBounded(path);
    if (isBinaryPolicy(bytes)) return loadBinary(bytes, path, options);
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return loadPolicy([{ file: path, text }], options);
  } catch (error) {
    const message = `cannot read the policy: ${error instanceof Error ? error.message : String(error)}`;
    const span = { start: 0, end: 0 };
    return { ok: false, diagnostics: [{ severity: 'error', file: path, line: 1, column: 1, span, message }] };
  }
}

function readBounded(path: string): Uint8Array {
  const fd = openSync(path, 'r');
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('not a regular file');
    if (stat.size > sourceCharsMax) throw new Error(`${stat.size} bytes, more than ${sourceCharsMax}`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}
