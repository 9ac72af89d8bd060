import { isBinaryPolicy } from '../binary/header.ts';
import type { Diagnostic } from '../policy.ts';
import { cannotRead, openPolicyFile, type PolicyFile, sha256 } from '../policy-file.ts';
import { keepForm, readKeptForm } from './cache.ts';
import { readAnswers } from './content.ts';
import { engineDigest } from './engine-digest.ts';
import type { Form } from './form.ts';
import { named, type OpenForm } from './open.ts';

/** A form of a policy's file, or what is wrong with the file. */
export type Obtained =
  | {
      readonly ok: true;
      readonly form: OpenForm;
      readonly digest: string;
      /** The file's bytes, where they had to be read. */
      readonly source?: Uint8Array<ArrayBuffer>;
      /** What the content does not say, such as that it could not be kept. */
      readonly warnings: readonly Diagnostic[];
    }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export interface ObtainOptions {
  /** The folder of compiled forms, if there is one. */
  readonly cacheDirectory?: string | undefined;
  /** True to have what explanations need at once. */
  readonly whole: boolean;
}

/**
 * Takes the form of a policy's file from the folder, or compiles the file and keeps its form there. Without a folder,
 * and for a binary policy, which is read fast as well, it compiles. Never rejects for what is in the file or the folder.
 * The compiler is not even loaded when there is a form.
 */
export async function obtainForm(path: string, { cacheDirectory, whole }: ObtainOptions): Promise<Obtained> {
  try {
    const file = openPolicyFile(path);
    try {
      return await obtain(path, file, { cacheDirectory, whole });
    } finally {
      file.close();
    }
  } catch (error) {
    return { ok: false, diagnostics: [cannotRead(path, error)] };
  }
}

async function obtain(path: string, file: PolicyFile, { cacheDirectory, whole }: ObtainOptions): Promise<Obtained> {
  const folder = isBinaryPolicy(file.head(4)) ? undefined : cacheDirectory;
  if (folder !== undefined) {
    const digest = file.digest();
    const kept = readKeptForm(folder, { sourceDigest: digest, engineDigest: engineDigest() }, whole);
    if (kept !== undefined) return { ok: true, form: kept, digest, warnings: [] };
  }
  const source = file.bytes();
  const digest = sha256(source);
  const { compilePolicy } = await import('./compile.ts');
  const compiled = compilePolicy(source, digest);
  if (!compiled.ok) return { ok: false, diagnostics: named(compiled.diagnostics, path) };
  const { form } = compiled;
  const warnings = folder === undefined ? [] : keep(path, folder, digest, form);
  const { first, second } = form;
  return { ok: true, form: { first, answers: readAnswers(first), second: () => second }, digest, source, warnings };
}

/** A form that cannot be kept costs time at the next load and nothing else. */
function keep(path: string, folder: string, digest: string, form: Form): Diagnostic[] {
  try {
    keepForm(folder, { sourceDigest: digest, engineDigest: engineDigest() }, form);
    return [];
  } catch (error) {
    const message = `the compiled form could not be kept: ${error instanceof Error ? error.message : String(error)}`;
    return [{ severity: 'warning', file: path, line: 1, column: 1, span: { start: 0, end: 0 }, message }];
  }
}
