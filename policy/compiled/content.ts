import type { Diagnostic } from '../policy.ts';
import type { AccessTable } from '../policydb/access-table.ts';
import type { Mls, Policydb } from '../policydb/policydb.ts';
import { withSpans } from '../policydb/spans.ts';
import { checkOrigins, checkTables } from './check-tables.ts';
import { type Form, readFirstPart, readSecondPart } from './form.ts';
import type { Places } from './places.ts';
import {
  restoreClasses,
  restoreNames,
  restoreTypes,
  type StoredClass,
  type StoredNames,
  type StoredTypes,
  storeClasses,
  storeNames,
  storeTypes,
} from './stored.ts';
import {
  restoreFileNames,
  restoreRules,
  type StoredFileNames,
  type StoredRules,
  storeFileNames,
  storeRules,
} from './stored-rules.ts';

/** The first part of a form: what answers questions. Diagnostics of the source itself have the file name ''. */
export interface Answers {
  readonly db: Omit<Policydb, 'spans' | 'access'> & { readonly access: Omit<AccessTable, 'origins'> };
  readonly warnings: readonly Diagnostic[];
}

/** The first part as it stands in the form. */
interface StoredAnswers {
  readonly db: Omit<Answers['db'], 'classData' | 'types' | 'booleans' | 'mls' | 'fileNameRules' | 'roleTransitions'> & {
    readonly classData: readonly StoredClass[];
    readonly types: StoredTypes;
    readonly booleans: StoredNames;
    readonly fileNameRules: StoredFileNames;
    readonly roleTransitions: StoredRules;
    readonly mls: (Omit<Mls, 'categories'> & { readonly categories: StoredNames }) | undefined;
  };
  readonly warnings: readonly Diagnostic[];
}

/** The second part: which statement a rule came from, and where it stands. */
export interface Explanations {
  readonly origins: AccessTable['origins'];
  readonly places: Places;
}

export function storeAnswers({ db, warnings }: Answers): StoredAnswers {
  const { mls } = db;
  const stored = {
    classData: storeClasses(db.classData),
    types: storeTypes(db.types),
    booleans: storeNames(db.booleans),
    fileNameRules: storeFileNames(db.fileNameRules),
    roleTransitions: storeRules([...db.roleTransitions]),
    mls: mls && { ...mls, categories: storeNames(mls.categories) },
  };
  return { db: { ...db, ...stored }, warnings };
}

/** Reads the first part of a form that `isFormFor`. Throws when it does not hold a policy whose tables can be followed. */
export function readAnswers(first: Uint8Array<ArrayBuffer>): Answers {
  const answers = readCheckedAnswers(first);
  checkTables(answers.db);
  return answers;
}

/** The same for a part that `readAnswers` has taken before. */
export function readCheckedAnswers(first: Uint8Array<ArrayBuffer>): Answers {
  const { db, warnings } = readFirstPart(first) as StoredAnswers;
  const { mls } = db;
  const restored = {
    classData: restoreClasses(db.classData),
    types: restoreTypes(db.types),
    booleans: restoreNames(db.booleans),
    fileNameRules: restoreFileNames(db.fileNameRules),
    roleTransitions: restoreRules(db.roleTransitions),
    mls: mls && { ...mls, categories: restoreNames(mls.categories) },
  };
  return { db: { ...db, ...restored }, warnings };
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
