import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parsePolicy } from '../../policy/language/parse.ts';
import { printPolicy } from '../../policy/language/print.ts';
import { loadPolicy } from '../../policy/load.ts';
import { readPolicyFile } from '../../policy/read-policy-file.ts';
import { askLibsepol, compile, withTemporaryFolder } from '../support/policy/checkpolicy.ts';
import { type DebianPolicy, type DebianPolicyName, debianPolicy } from '../support/policy/debian.ts';
import { namesOf } from '../support/policy/names-of.ts';
import { sediff } from '../support/policy/setools.ts';
import { type AnswerDifference, differencesFrom } from './compare.ts';
import { ruleQuestions } from './rule-questions.ts';
import { countTelling } from './telling.ts';

export interface DebianRun {
  /** Questions to each policy. */
  readonly queries: number;
  readonly seed: number;
  readonly note: (text: string) => void;
}

/** One thing that was shown, with figures for people. */
export interface Step {
  readonly what: string;
  readonly ok: boolean;
  readonly figures: string;
}

export interface DebianResult {
  readonly ok: boolean;
  readonly policies: readonly {
    readonly name: DebianPolicyName;
    readonly steps: readonly Step[];
    readonly differences: readonly AnswerDifference[];
  }[];
}

/** libsepol looks for a context among all before it, so that rounds are better than one session. */
const questionsEach = 2000;

/** Debian's two policies: load, print, compile what was printed, and answer; from source and from binary. */
export async function runDebian({ queries, seed, note }: DebianRun): Promise<DebianResult> {
  const policies: DebianResult['policies'][number][] = [];
  for (const name of ['default', 'mls'] as const) {
    note(`selinux-policy-${name}: making it, unless it is kept`);
    const steps: Step[] = [];
    const step = (what: string, ok: boolean, figures: string): void => {
      steps.push({ what, ok, figures });
      note(`  ${ok ? '✓' : '✗'} ${what}${figures === '' ? '' : `: ${figures}`}`);
    };
    const debian = await debianPolicy(name).catch((error: unknown) => {
      const why = error instanceof Error ? error.message.trim() : String(error);
      step('the package can be had and made into a policy', false, why.slice(-500));
      return undefined;
    });
    if (debian === undefined) {
      policies.push({ name, steps, differences: [] });
      continue;
    }
    const differences = withTemporaryFolder((folder) => {
      checkRoundTrip(folder, debian, step);
      return checkAnswers(folder, debian, { queries, seed }, step);
    });
    policies.push({ name, steps, differences });
  }
  return { ok: policies.every(({ steps }) => steps.every(({ ok }) => ok)), policies };
}

type Note = (what: string, ok: boolean, figures: string) => void;

function checkRoundTrip(folder: string, debian: DebianPolicy, step: Note): void {
  const text = readFileSync(debian.source, 'utf8');
  const { statements } = parsePolicy([{ file: debian.source, text }]);
  const printed = printPolicy(statements);
  const again = parsePolicy([{ file: 'printed.conf', text: printed }]).statements;
  const same = isDeepStrictEqual(withoutSpans(again), withoutSpans(statements));
  step('what is printed reads back as the same statements', same, `${statements.length} statements`);
  // What becomes of unknown classes is not said in the language; checkpolicy writes it down as a comment.
  const unknown = /^# ?handle_unknown (\w+)/m.exec(text)?.[1] ?? 'deny';
  const compiled = compile(folder, printed, true, ['-U', unknown]);
  step('checkpolicy compiles what is printed', compiled.ok, compiled.ok ? '' : compiled.output.slice(0, 300));
  if (!compiled.ok) return;
  const said = sediff(debian.binary, join(folder, 'policy.bin'));
  step('sediff finds no difference to the package’s own policy', said === '', said.slice(0, 500));
}

function checkAnswers(
  folder: string,
  debian: DebianPolicy,
  { queries, seed }: { readonly queries: number; readonly seed: number },
  step: Note,
): readonly AnswerDifference[] {
  copyFileSync(debian.binary, join(folder, 'policy.bin'));
  const text = readFileSync(debian.source, 'utf8');
  const startedMs = performance.now();
  const source = loadPolicy([{ file: debian.source, text }]);
  step('the source loads', source.ok, `${Math.round(performance.now() - startedMs)} ms`);
  const binary = readPolicyFile(debian.binary);
  step('the binary loads', binary.ok, binary.ok ? '' : (binary.diagnostics[0]?.message ?? ''));
  if (!source.ok || !binary.ok) return [];
  const names = namesOf(text, source.policy);
  const telling = new Map<string, number>();
  const found = { source: [] as AnswerDifference[], binary: [] as AnswerDifference[] };
  for (let asked = 0; asked < queries; asked += questionsEach) {
    const count = Math.min(questionsEach, queries - asked);
    const questions = ruleQuestions(source.policy, names, seed + asked, count);
    const answers = askLibsepol(folder, true, questions);
    countTelling(telling, questions, answers);
    found.source.push(...differencesFrom(answers, source.policy, questions));
    found.binary.push(...differencesFrom(answers, binary.policy, questions));
  }
  const kinds = [...telling].map(([kind, count]) => `${kind} ${count}`).join(', ');
  step(
    'libsepol gives the same answers as the source',
    found.source.length === 0,
    `${queries} queries; saying something: ${kinds}`,
  );
  step('and as the binary', found.binary.length === 0, `${queries} queries`);
  return [...found.source, ...found.binary];
}

/** The statements without the places they stand at. */
function withoutSpans(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => (key === 'start' || key === 'end' ? undefined : inner)),
  );
}
