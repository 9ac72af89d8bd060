import { isBinaryPolicy } from './binary/header.ts';
import { loadBinary } from './binary/load-binary.ts';
import { type LoadOptions, loadPolicy } from './load.ts';
import type { Loaded } from './policy.ts';
import { cannotRead, readPolicyBytes, sha256, textOf } from './policy-file.ts';

/**
 * Reads a policy and loads it: a source, or a binary kernel policy, which its first four bytes tell. The file is opened
 * once and its size checked before it is read. Answers a diagnostic when it cannot be read, is no regular file, is too
 * large or is neither.
 */
export function readPolicyFile(path: string, options: LoadOptions = {}): Loaded {
  try {
    const bytes = readPolicyBytes(path);
    if (isBinaryPolicy(bytes)) return loadBinary(bytes, path, options);
    return loadPolicy([{ file: path, text: textOf(bytes) }], { ...options, digest: sha256(bytes) });
  } catch (error) {
    return { ok: false, diagnostics: [cannotRead(path, error)] };
  }
}
