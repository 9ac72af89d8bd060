import type { Fault } from '../../../shared/errors/broker-error.ts';
import { faultCodes } from '../../../shared/errors/codes.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { renderDecision } from './decision.ts';
import type { Style } from './style.ts';

/** The exit statuses that are no fault of the table: part of the interface, never changed. */
export const exits = { ok: 0, failed: 1, usage: 2, partial: 3, refused: 8, detached: 130 } as const;

/** What a command ended with when it did not simply succeed. */
export type Ending =
  | { readonly is: 'fault'; readonly fault: Fault; readonly operation?: string }
  | { readonly is: 'refused'; readonly decision: Decision; readonly operation?: string }
  | { readonly is: 'partial'; readonly missing: readonly string[] }
  | { readonly is: 'detached'; readonly operation: string }
  /** The answer itself was no, and is on stdout already. */
  | { readonly is: 'no'; readonly status: number };

export function exitOf(ending: Ending): number {
  switch (ending.is) {
    case 'fault':
      return faultCodes[ending.fault.code].exit;
    case 'refused':
      return exits.refused;
    case 'partial':
      return exits.partial;
    case 'detached':
      return exits.detached;
    case 'no':
      return ending.status;
  }
}

/** The first statement that would help, of a refusal. */
const missingRule = (decision: Decision): string | undefined =>
  decision.questions.find((question) => !question.allowed && question.missing !== undefined)?.missing;

/** An ending for people, on stderr. */
export function renderEnding(ending: Ending, style: Style): string {
  switch (ending.is) {
    case 'fault': {
      const hint = ending.fault.hint === undefined ? '' : `  ${ending.fault.hint}\n`;
      return `${style.bad('carnet:')} ${ending.fault.message} ${style.dim(`[${ending.fault.code}]`)}\n${hint}`;
    }
    case 'refused':
      return renderDecision(ending.decision, style);
    case 'partial':
      return `${style.warn('carnet:')} no answer from ${ending.missing.join(', ')}; the list is not complete\n`;
    case 'detached':
      return `${style.warn('carnet:')} detached; ${ending.operation} goes on. Follow it: carnet operation show ${ending.operation}\n`;
    case 'no':
      return '';
  }
}

/** The same as one JSON object: code is the exit status, name the fault's. Absent fields are left out. */
export function endingJson(ending: Ending): Record<string, unknown> | undefined {
  const base = { schema: 1, code: exitOf(ending) };
  switch (ending.is) {
    case 'fault':
      return {
        ...base,
        name: ending.fault.code,
        message: ending.fault.message,
        hint: ending.fault.hint,
        op: ending.operation,
      };
    case 'refused':
      return {
        ...base,
        name: 'POLICY_REFUSED',
        message: `${ending.decision.action} was refused by the policy of ${ending.decision.host}`,
        rule: missingRule(ending.decision),
        op: ending.operation,
        decision: ending.decision,
      };
    case 'partial':
      return {
        ...base,
        name: 'PARTIAL',
        message: `no answer from ${ending.missing.join(', ')}`,
        hosts: ending.missing,
      };
    case 'detached':
      return { ...base, name: 'DETACHED', message: 'the operation goes on', op: ending.operation };
    case 'no':
      return undefined;
  }
}
