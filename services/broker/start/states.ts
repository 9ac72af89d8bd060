import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { OperationId, VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { Outcome } from '../../../shared/messages/view.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { rowOf, triesAgain } from '../machine/row.ts';

export interface Start {
  readonly operation: OperationId;
  readonly vm: VmName;
}

type Labelled = Start & { readonly label: Label };
type Claimed = Labelled & { readonly epoch: number };

export type StartState =
  /** The images are opened and their labels read; policy computes the VM's label and is asked everything else. */
  | ({ readonly state: 'deciding' } & Start)
  /** The next epoch is claimed in the owner record. */
  | ({ readonly state: 'claiming' } & Labelled)
  /** QEMU is started, paused, in the computed label. */
  | ({ readonly state: 'launching' } & Claimed)
  /** Policy is asked again before the guest runs. */
  | ({ readonly state: 'deciding-run' } & Claimed)
  | ({ readonly state: 'running-guest' } & Claimed)
  /** What was started is ended and the record says that the VM does not run. */
  | ({ readonly state: 'undoing'; readonly outcome: Outcome; readonly epoch: number | null } & Start)
  | ({ readonly state: 'completed' } & Claimed)
  | ({ readonly state: 'not-started'; readonly outcome: Outcome } & Start);

export type StartEvent =
  | { readonly event: 'allowed'; readonly decision: Decision; readonly label: Label }
  | { readonly event: 'still-allowed'; readonly decision: Decision }
  | { readonly event: 'refused'; readonly decision: Decision }
  | { readonly event: 'failed'; readonly fault: Fault }
  | { readonly event: 'claimed'; readonly epoch: number }
  | { readonly event: 'launched' }
  | { readonly event: 'running' }
  | { readonly event: 'undone' }
  | { readonly event: 'cancel-asked' }
  | { readonly event: 'deadline-passed' };

export type StartEffect =
  | { readonly effect: 'decide-request' }
  | { readonly effect: 'claim' }
  | { readonly effect: 'launch' }
  | { readonly effect: 'decide-run' }
  | { readonly effect: 'run' }
  | { readonly effect: 'undo' };

export const startRow = rowOf<StartState, StartEvent, StartEffect>();
export const startTriesAgain = triesAgain<StartState, StartEvent, StartEffect>;
