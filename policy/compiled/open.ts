import { createPolicy } from '../decide/create-policy.ts';
import type { LoadOptions } from '../load.ts';
import type { Diagnostic, Loaded } from '../policy.ts';
import { withSpans } from '../policydb/spans.ts';
import { checkTables } from './check-tables.ts';
import type { Content } from './compile.ts';
import { readForm } from './form.ts';
import { describeFrom } from './places.ts';

/** What a form is opened with: the policy's file, its digest, and its bytes for when a rule is shown. */
export interface Origin {
  readonly path: string;
  readonly digest: string;
  readonly source: () => Uint8Array | undefined;
}

/** The content of a form that `isFormFor`. Its tables are views on the form, which must not change. Throws when there is none. */
export function readContent(form: Uint8Array<ArrayBuffer>): Content {
  return readForm(form) as Content;
}

/** Throws when the tables of a content cannot be followed; see check-tables.ts. */
export function checkContent({ db }: Content): void {
  checkTables(db);
}

/** Makes a policy of a content that was checked. */
export function openContent({ db: tables, places, warnings }: Content, origin: Origin, options: LoadOptions): Loaded {
  const db = withSpans(tables, places.starts, places.of === 'source' ? places.ends : places.starts);
  const policy = createPolicy({
    db,
    digest: origin.digest,
    seqno: options.seqno ?? 1,
    flavour: options.flavour ?? 'libsepol',
    describe: describeFrom(places, origin.path, db, origin.source),
    booleans: db.booleanDefaults,
  });
  return { ok: true, policy, warnings: named(warnings, origin.path) };
}

/** Diagnostics of a source that had no name yet. */
export function named(diagnostics: readonly Diagnostic[], path: string): Diagnostic[] {
  return diagnostics.map((one) => (one.file === '' ? { ...one, file: path } : one));
}
