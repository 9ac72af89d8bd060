import type { OperationView } from '../../../shared/messages/view.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { Sink } from '../io.ts';
import { decisionHeading } from '../render/decision.ts';
import { progressDisplay } from '../render/progress.ts';
import type { Style } from '../render/style.ts';
import { type Column, renderTable } from '../render/table.ts';
import { durationText } from '../render/units.ts';

/** What the person watching sees, line by line. */
export interface Story {
  title(text: string): void;
  step(number: number, title: string): void;
  /** What would be typed. */
  command(client: string, text: string): void;
  /** What was asked of policy, and what was answered. */
  decision(decision: Decision): void;
  progress(view: OperationView): void;
  /** Something that was looked up and is as it should be. */
  seen(text: string): void;
  /** Something worth knowing. */
  note(text: string): void;
  failed(text: string): void;
  table(steps: readonly StepResult[]): void;
}

/** How a step went, as the JSON output has it too. */
export interface StepResult {
  readonly name: string;
  readonly title: string;
  readonly ok: boolean;
  readonly ms: number;
  /** One line for the table: the figures that matter, or what went wrong. */
  readonly summary: string;
  readonly figures: Figures;
}
export type Figures = Readonly<
  Record<string, Figure | readonly Figure[] | readonly Readonly<Record<string, Figure>>[]>
>;
type Figure = string | number | boolean | null;

/** A question with its contexts cut down to their types: `a_t b_t:vm { start }`. The whole is in the audit log. */
export const shortQuestion = (asked: string): string =>
  asked.replace(
    /[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+:([A-Za-z0-9_.-]+)(?::s[0-9][A-Za-z0-9_.,:-]*)?(?=[\s:]|$)/g,
    (whole, type: string) =>
      // The class after a context belongs to no context: `u:r:t:s0:c1:vm` keeps `:vm`.
      /:(vm|vmhost|file|process|dir)$/.test(whole) ? `${type}${whole.slice(whole.lastIndexOf(':'))}` : type,
  );

export function createStory(out: Sink, style: Style): Story {
  const say = (text: string) => {
    display.clear();
    out.write(`${text}\n`);
  };
  const display = progressDisplay(out, style, () => performance.now());
  /** Actions whose questions were shown once: from then on only what is refused is. */
  const told = new Set<string>();
  return {
    title: (text) => say(style.bold(text)),
    step: (number, title) => say(`\n${style.bold(style.accent(`${number}  ${title}`))}`),
    command: (client, text) => say(`   ${style.dim(`${client}$`)} ${style.bold(text)}`),
    decision(decision) {
      say(`     ${decisionHeading(decision, style)}`);
      const isFirst = !told.has(decision.action);
      told.add(decision.action);
      const shown = isFirst ? decision.questions : decision.questions.filter((question) => !question.allowed);
      for (const question of shown) {
        const mark = question.allowed ? style.good('✓') : style.bad('✗');
        const result = question.result === undefined ? '' : ` → ${shortQuestion(question.result)}`;
        say(`       ${mark} ${shortQuestion(question.asked)}${result}  ${style.dim(question.why)}`);
        if (question.missing !== undefined) say(`         ${style.bad('missing:')} ${style.bold(question.missing)}`);
      }
      const others = decision.questions.length - shown.length;
      const noun = `${shown.length === 0 ? 'question' : 'other'}${others === 1 ? '' : 's'}`;
      if (others > 0) say(`       ${style.dim(`✓ ${others} ${noun}, answered yes`)}`);
    },
    progress: (view) => display.show(view),
    seen: (text) => say(`   ${style.good('✓')} ${text}`),
    note: (text) => say(`   ${style.dim(text)}`),
    failed: (text) => say(`   ${style.bad('✗')} ${style.bold(text)}`),
    table(steps) {
      say(`\n${renderTable(stepColumns, steps, style).trimEnd()}`);
    },
  };
}

const stepColumns: readonly Column<StepResult>[] = [
  { heading: 'step', cell: (row) => row.name },
  {
    heading: 'as expected',
    cell: (row) => (row.ok ? '✓ yes' : '✗ no'),
    paint: (text, row, style) => (row.ok ? style.good(text) : style.bad(text)),
  },
  { heading: 'time', cell: (row) => durationText(row.ms), align: 'right' },
  { heading: 'figures', cell: (row) => row.summary },
];
