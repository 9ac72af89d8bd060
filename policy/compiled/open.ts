import { createPolicy } from '../decide/create-policy.ts';
import type { LoadOptions } from '../load.ts';
import type { Diagnostic, Loaded } from '../policy.ts';
import { type Answers, type Explanations, joinParts, readExplanations } from './content.ts';
import { describeFrom } from './places.ts';

/** A form whose first part is checked and read; `second` gives the other, its digest compared, when it is needed. */
export interface OpenForm {
  readonly first: Uint8Array<ArrayBuffer>;
  readonly answers: Answers;
  readonly second: () => Uint8Array<ArrayBuffer>;
}

/** What a form is opened with: the policy's file, its digest, and its bytes for when a rule is shown. */
export interface Origin {
  readonly path: string;
  readonly digest: string;
  readonly source: () => Uint8Array | undefined;
}

/** Makes a policy of a form. Its tables are views on the form, which must not change. */
export function openForm(form: OpenForm, origin: Origin, options: LoadOptions): Loaded {
  const { answers } = form;
  let explanations: Explanations | undefined;
  const explain = (): Explanations => {
    explanations ??= readExplanations({ first: form.first, second: form.second() }, answers);
    return explanations;
  };
  const db = joinParts(answers, explain);
  const policy = createPolicy({
    db,
    digest: origin.digest,
    seqno: options.seqno ?? 1,
    flavour: options.flavour ?? 'libsepol',
    describe: describeFrom(() => explain().places, origin.path, db, origin.source),
    booleans: db.booleanDefaults,
  });
  return { ok: true, policy, warnings: named(answers.warnings, origin.path) };
}

/** Diagnostics of a source that had no name yet. */
export function named(diagnostics: readonly Diagnostic[], path: string): Diagnostic[] {
  return diagnostics.map((one) => (one.file === '' ? { ...one, file: path } : one));
}
