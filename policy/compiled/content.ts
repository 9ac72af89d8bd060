import type { Diagnostic } from '../policy.ts';
import type { AccessTable } from '../policydb/access-table.ts';
import type { Policydb } from '../policydb/policydb.ts';
import { withSpans } from '../policydb/spans.ts';
import { checkOrigins, checkTables } from './check-tables.ts';
import { type Form, readFirstPart, readSecondPart } from './form.ts';
import type { Places } from './places.ts';

/** The first part of a form: what answers questions. Diagnostics of the source itself have the file name ''. */
export interface Answers {
  readonly db: Omit<Policydb, 'spans' | 'access'> & { readonly access: Omit<AccessTable, 'origins'> };
  readonly warnings: readonly Diagnostic[];
}

/** The second part: which statement a rule came from, and where it stands. */
export interface Explanations {
  readonly origins: AccessTable['origins'];
  readonly places: Places;
}

/** Reads the first part of a form that `isFormFor`. Throws when it does not hold a policy whose tables can be followed. */
export function readAnswers(first: Uint8Array<ArrayBuffer>): Answers {
  const answers = readFirstPart(first) as Answers;
  checkTables(answers.db);
  return answers;
}

/** Reads the second part of a form whose digest was compared. Throws likewise. */
export function readExplanations(form: Form, answers: Answers): Explanations {
  const explanations = readSecondPart(form) as Explanations;
  checkOrigins(answers.db, explanations.origins);
  return explanations;
}

/** The whole database; `explain` gives the second part when a rule is first asked for. */
export function joinParts({ db }: Answers, explain: () => Explanations): Policydb {
  const get = (): AccessTable['origins'] => explain().origins;
  Object.defineProperty(db.access, 'origins', { get, enumerable: true });
  return withSpans(db as Omit<Policydb, 'spans'>, () => {
    const { places } = explain();
    return { starts: places.starts, ends: places.of === 'source' ? places.ends : places.starts };
  });
}
