import { isBinaryPolicy } from '../binary/header.ts';
import { readBinary } from '../binary/read-binary.ts';
import { buildPolicydb } from '../build/build.ts';
import { parsePolicy } from '../language/parse.ts';
import type { Diagnostic } from '../policy.ts';
import { textOf } from '../policy-file.ts';
import { accessPresence } from '../policydb/access-table.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { type Explanations, storeAnswers } from './content.ts';
import { engineDigest } from './engine-digest.ts';
import { type Form, writeForm } from './form.ts';
import { pack } from './pack.ts';
import { type Places, placesOfBinary, placesOfSource } from './places.ts';

export type CompiledPolicy =
  | { readonly ok: true; readonly form: Form }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/**
 * Compiles a policy, source or binary, to a form that opens fast; see form.ts. `sourceDigest` is the SHA-256 of the
 * bytes in hex. Bytes that are neither are a diagnostic, as in `readPolicyFile`.
 */
export function compilePolicy(bytes: Uint8Array, sourceDigest: string): CompiledPolicy {
  if (isBinaryPolicy(bytes)) {
    const read = readBinary(bytes, '');
    if (!read.ok) return read;
    return formOf(read.db, placesOfBinary(read.statements), [], sourceDigest);
  }
  const parsed = parsePolicy([{ file: '', text: textOf(bytes) }]);
  const db = buildPolicydb(parsed);
  const { found } = parsed.diagnostics;
  if (db === undefined) return { ok: false, diagnostics: found };
  return formOf(db, placesOfSource(parsed, db.spans), found, sourceDigest);
}

function formOf(db: Policydb, places: Places, warnings: readonly Diagnostic[], sourceDigest: string): CompiledPolicy {
  const { spans: _, access, ...others } = db;
  trimColumns(db);
  const { origins, ...rows } = access;
  accessPresence(rows);
  const answers = storeAnswers({ db: { ...others, access: rows }, warnings });
  const explanations: Explanations = { origins, places };
  const key = { sourceDigest, engineDigest: engineDigest() };
  return { ok: true, form: writeForm(pack(answers), pack(explanations), key) };
}

/** Columns have room to grow; a form has none. */
function trimColumns(table: object): void {
  for (const value of Object.values(table)) {
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) continue;
    if (value.data instanceof Int32Array && typeof value.length === 'number')
      value.data = value.data.slice(0, value.length);
    else trimColumns(value);
  }
}
