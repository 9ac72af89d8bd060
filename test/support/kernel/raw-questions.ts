import type { Question } from './question.ts';

/**
 * Asks the kernel without the adapter: a script for the guest's shell that puts questions to selinuxfs, one line of
 * `/raw-questions` each (file, request), and writes `file answer`, or `file ERR`. Before them it lists the numbers of classes and permissions.
 */
export const rawScript = `cd /sys/fs/selinux
for class in class/*; do
  read -r number <$class/index
  echo "$class $number"
  for perm in $class/perms/*; do
    read -r bit <$perm
    echo "$perm $bit"
  done
done
while read -r file request; do
  answer=ERR
  if [ $file = validatetrans ]; then
    printf '%s' "$request" >$file && answer=ok
  else
    exec 3<>$file
    printf '%s' "$request" >&3 && read -r answer <&3
    exec 3>&-
  fi
  echo "$file $answer"
done </raw-questions 2>/dev/null
`;

const fileOf = { transition: 'create', named: 'create', change: 'relabel', member: 'member' } as const;

/** A question as a line of `/raw-questions`; `classes` are the policy's, by their number from 1. */
export function rawQuestion(question: Exclude<Question, { ask: 'bool' }>, classes: readonly string[]): string {
  const number = (tclass: string): number => classes.indexOf(tclass) + 1;
  switch (question.ask) {
    case 'context':
      return `context ${question.context}`;
    case 'av':
      return `access ${question.source} ${question.target} ${number(question.tclass)}`;
    case 'validate':
      return `validatetrans ${question.before} ${question.after} ${number(question.tclass)} ${question.task}`;
    default: {
      const name = question.ask === 'named' ? ` ${encodeURIComponent(question.name)}` : '';
      return `${fileOf[question.ask]} ${question.source} ${question.target} ${number(question.tclass)}${name}`;
    }
  }
}

/** What the script wrote: the answers in the order of the questions, in the words of `rawForm`. */
export function readRaw(lines: readonly string[], questions: readonly Question[]): string[] {
  const first = lines.findIndex((line) => !line.startsWith('class/'));
  const bits = new Map<string, Map<string, number>>();
  for (const line of lines.slice(0, first)) {
    const [, tclass = '', perm, number] = /^class\/([^/ ]+)(?:\/perms\/([^/ ]+))? (\d+)$/.exec(line) ?? [];
    if (perm === undefined) bits.set(tclass, new Map());
    else bits.get(tclass)?.set(perm, 1 << (Number(number) - 1));
  }
  return questions.map((question, index) => {
    const answer = (lines[first + index] ?? '').replace(/^\S+ /, '');
    return question.ask === 'av' ? accessForm(answer, bits.get(question.tclass) ?? new Map()) : answer;
  });
}

/** `allowed decided auditallow auditdeny seqno flags`, as `answerOf` writes it. */
function accessForm(answer: string, bits: ReadonlyMap<string, number>): string {
  const perms = [...bits].sort(([, left], [, right]) => (left >>> 0) - (right >>> 0));
  const [allowed = '0', , auditallow = '0', auditdeny = 'ffffffff', , flags = '0'] =
    answer === 'ERR' ? [] : answer.split(' ');
  const names = (hex: string): string =>
    perms
      .filter(([, bit]) => (Number.parseInt(hex, 16) & bit) !== 0)
      .map(([perm]) => perm)
      .join(' ');
  return `${names(allowed)} / ${names(auditallow)} / ${names(auditdeny)} / ${flags === '1'}`;
}

/**
 * An answer of `answerOf` as the kernel says it, which has one word for all that is wrong. A permissive kernel gives an
 * invalid result as if it were none.
 */
export function rawForm(question: Question, answer: string): string {
  if (question.ask === 'av') return answer;
  if (answer.startsWith('INVALID_RESULT ')) return answer.slice('INVALID_RESULT '.length);
  return /^(?:INVALID|UNKNOWN|CONS$)/.test(answer) ? 'ERR' : answer;
}
