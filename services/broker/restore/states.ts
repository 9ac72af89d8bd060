import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId, OperationId, VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { Outcome } from '../../../shared/messages/view.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { rowOf, triesAgain } from '../machine/row.ts';

export interface Restore {
  readonly operation: OperationId;
  readonly vm: VmName;
  readonly checkpoint: CheckpointId;
}

type Labelled = Restore & { readonly label: Label };
type Claimed = Labelled & { readonly epoch: number };

export type RestoreState =
  /** The manifest's signature is checked, then policy is asked: a fresh decision. */
  | ({ readonly state: 'deciding' } & Restore)
  /** Every byte of the checkpoint is checked against the manifest. */
  | ({ readonly state: 'verifying' } & Labelled)
  /** The next epoch is claimed; refused where the VM still runs. */
  | ({ readonly state: 'claiming' } & Labelled)
  /** The disks are put in place, QEMU is started over the mapped memory and loads the device state. */
  | ({ readonly state: 'loading' } & Claimed)
  | ({ readonly state: 'deciding-run'; readonly loadMs: number } & Claimed)
  | ({ readonly state: 'running-guest'; readonly loadMs: number } & Claimed)
  | ({ readonly state: 'undoing'; readonly outcome: Outcome; readonly epoch: number | null } & Restore)
  | ({ readonly state: 'completed'; readonly loadMs: number } & Claimed)
  | ({ readonly state: 'not-restored'; readonly outcome: Outcome } & Restore);

export type RestoreEvent =
  | { readonly event: 'allowed'; readonly decision: Decision; readonly label: Label }
  | { readonly event: 'still-allowed'; readonly decision: Decision }
  | { readonly event: 'refused'; readonly decision: Decision }
  | { readonly event: 'failed'; readonly fault: Fault }
  | { readonly event: 'verified' }
  | { readonly event: 'claimed'; readonly epoch: number }
  | { readonly event: 'loaded'; readonly loadMs: number }
  | { readonly event: 'running' }
  | { readonly event: 'undone' }
  | { readonly event: 'cancel-asked' }
  | { readonly event: 'deadline-passed' };

export type RestoreEffect =
  | { readonly effect: 'decide-request' }
  | { readonly effect: 'verify' }
  | { readonly effect: 'claim' }
  | { readonly effect: 'load' }
  | { readonly effect: 'decide-run' }
  | { readonly effect: 'run' }
  | { readonly effect: 'undo' };

export const restoreRow = rowOf<RestoreState, RestoreEvent, RestoreEffect>();
export const restoreTriesAgain = triesAgain<RestoreState, RestoreEvent, RestoreEffect>;
