import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId, JobName, OperationId, VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { Outcome } from '../../../shared/messages/view.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { rowOf, triesAgain } from '../machine/row.ts';

export interface Save {
  readonly operation: OperationId;
  readonly vm: VmName;
  readonly checkpoint: CheckpointId;
  /** The job this checkpoint is taken by, where it is one. */
  readonly job: JobName | null;
}

type Labelled = Save & { readonly stateLabel: Label };

export type SaveState =
  | ({ readonly state: 'deciding' } & Save)
  /** The guest is paused for an instant, then runs on while its memory and disks are written. */
  | ({ readonly state: 'saving' } & Labelled)
  /** Everything is written: it is hashed, signed and committed. */
  | ({ readonly state: 'sealing'; readonly pauseMs: number } & Labelled)
  /** Every trace of the draft is removed. */
  | ({ readonly state: 'abandoning'; readonly outcome: Outcome } & Save)
  | ({ readonly state: 'completed'; readonly pauseMs: number } & Labelled)
  | ({ readonly state: 'not-saved'; readonly outcome: Outcome } & Save);

export type SaveEvent =
  | { readonly event: 'allowed'; readonly decision: Decision; readonly stateLabel: Label }
  | { readonly event: 'refused'; readonly decision: Decision }
  | { readonly event: 'failed'; readonly fault: Fault }
  | { readonly event: 'saved'; readonly pauseMs: number }
  | { readonly event: 'sealed' }
  | { readonly event: 'abandoned' }
  | { readonly event: 'cancel-asked' }
  | { readonly event: 'deadline-passed' };

export type SaveEffect =
  | { readonly effect: 'decide-request' }
  | { readonly effect: 'save' }
  | { readonly effect: 'seal' }
  | { readonly effect: 'abandon' };

export const saveRow = rowOf<SaveState, SaveEvent, SaveEffect>();
export const saveTriesAgain = triesAgain<SaveState, SaveEvent, SaveEffect>;
