import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What checkpolicy says of a source: whether it takes it, and what it prints. */
export interface Compiled {
  readonly ok: boolean;
  readonly output: string;
}

/** A question to libsepol. Contexts are text; `bool` changes what follows and is answered with ''. */
export type Question =
  | { readonly ask: 'context'; readonly context: string }
  | { readonly ask: 'av'; readonly source: string; readonly target: string; readonly tclass: string }
  | {
      readonly ask: 'transition' | 'change' | 'member';
      readonly source: string;
      readonly target: string;
      readonly tclass: string;
    }
  | {
      readonly ask: 'validate';
      readonly before: string;
      readonly after: string;
      readonly task: string;
      readonly tclass: string;
    }
  | { readonly ask: 'bool'; readonly name: string; readonly value: boolean };

/** A folder of its own for one test, removed after. */
export function withTemporaryFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-policy-'));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Compiles a source to `policy.bin` in the folder. */
export function compile(folder: string, text: string, mls: boolean, more: readonly string[] = []): Compiled {
  const source = join(folder, 'policy.conf');
  writeFileSync(source, text);
  const flags = [...(mls ? ['-M'] : []), ...more];
  const run = spawnSync('checkpolicy', [...flags, '-o', join(folder, 'policy.bin'), source], { encoding: 'utf8' });
  return { ok: run.status === 0, output: `${run.stdout}${run.stderr}` };
}

/**
 * Puts the questions to libsepol through checkpolicy's debug menu, on the binary policy: only there does libsepol know
 * class process. Answers in the order of the questions: a canonical context or INVALID; permissions, sorted, with
 * spaces; a context or ERR; allowed or denied. Contexts go in as SIDs, made in a first session, since the menu
 * answers for an unknown SID as if it were the unlabeled one.
 */
export function askLibsepol(folder: string, mls: boolean, questions: readonly Question[]): string[] {
  const contexts = [...new Set(questions.flatMap(contextsOf))];
  const intern = contexts.flatMap((context) => ['2', context]);
  const numbers = session(folder, mls, intern, contexts.length).map((answer) => /^sid (\d+)$/.exec(answer)?.[1]);
  const sidOf = new Map(contexts.map((context, index) => [context, numbers[index]]));
  const asked: number[] = [];
  const lines = [...intern];
  questions.forEach((question, index) => {
    const command = commandFor(question, sidOf);
    if (command === undefined) return;
    asked.push(index);
    lines.push(...command);
  });
  const replies = session(folder, mls, [...lines, '6'], contexts.length + asked.length + 1);
  const nameOf = new Map(
    [...(replies.at(-1) ?? '').matchAll(/sid (\d+) -> scontext (\S+)/g)].map((match) => [match[1], match[2] ?? '']),
  );
  const raw = new Map(asked.map((index, position) => [index, replies[contexts.length + position] ?? '']));
  return questions.map((question, index) => readAnswer(question, raw.get(index), sidOf, nameOf));
}

function contextsOf(question: Question): string[] {
  switch (question.ask) {
    case 'context':
      return [question.context];
    case 'validate':
      return [question.before, question.after, question.task];
    case 'bool':
      return [];
    default:
      return [question.source, question.target];
  }
}

function commandFor(question: Question, sidOf: ReadonlyMap<string, string | undefined>): string[] | undefined {
  if (question.ask === 'context') return undefined;
  if (question.ask === 'bool') return ['h', question.name, question.value ? '1' : '0'];
  const sids = contextsOf(question).map((context) => sidOf.get(context));
  if (sids.includes(undefined)) return undefined;
  const key = { av: '0', transition: '3', member: '4', change: '5', validate: 'j' }[question.ask];
  return [key, ...(sids as string[]), question.tclass];
}

function readAnswer(
  question: Question,
  raw: string | undefined,
  sidOf: ReadonlyMap<string, string | undefined>,
  nameOf: ReadonlyMap<string | undefined, string>,
): string {
  if (question.ask === 'bool') return '';
  if (question.ask === 'context') return nameOf.get(sidOf.get(question.context)) ?? 'INVALID';
  if (raw === undefined) return 'INVALID';
  if (question.ask === 'validate') return raw.includes('validatetrans error') ? 'denied' : 'allowed';
  if (question.ask !== 'av') return nameOf.get(/^sid (\d+)$/.exec(raw)?.[1] ?? 'none') ?? 'ERR';
  const allowed = /^allowed \{([^}]*)\}$/.exec(raw)?.[1];
  return allowed === undefined ? raw : allowed.trim().split(/\s+/).sort().join(' ');
}

/** Runs one session of the menu and cuts its output into the answer to each command. */
function session(folder: string, mls: boolean, lines: readonly string[], commands: number): string[] {
  const flags = mls ? ['-M', '-b', '-d'] : ['-b', '-d'];
  const run = spawnSync('checkpolicy', [...flags, join(folder, 'policy.bin')], {
    input: `${[...lines, 'q'].join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  const chunks = run.stdout.split('\nChoose:  ').slice(1);
  if (run.status !== 0 || chunks.length !== commands + 1) {
    throw new Error(`checkpolicy answered ${chunks.length - 1} of ${commands} commands: ${run.stderr.slice(-500)}`);
  }
  return chunks.slice(0, commands).map((chunk) => chunk.replace(/^(?:[a-z ]+\? {1,2})+/, '').trim());
}
