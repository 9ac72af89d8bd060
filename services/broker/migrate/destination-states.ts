import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { HostName, OperationId, VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { MigrateOptions } from '../../../shared/messages/migrate-options.ts';
import type { Grant } from '../../../shared/messages/peer.ts';
import type { Outcome } from '../../../shared/messages/view.ts';
import type { Carnet } from '../../../shared/vm/carnet.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { rowOf } from '../machine/row.ts';

/** What was offered; the same in every state. */
export interface MigrateIn {
  readonly operation: OperationId;
  readonly vm: VmName;
  readonly source: HostName;
  readonly carnet: Carnet;
  readonly options: MigrateOptions;
  readonly request: Uint8Array;
  /** The source's one-off public key, and the digest of the frame it came in. */
  readonly transferKey: Uint8Array;
  readonly offerDigest: Uint8Array;
}

/** The latest decision goes with the state, so that whoever asks again gets the same answer. */
type Admitted = MigrateIn & { readonly label: Label; readonly decision: Decision };
type Granted = Admitted & { readonly grant: Grant };

export type DestinationState =
  /** Signatures and reachability are checked, then policy is asked. Nothing listens, nothing is spawned. */
  | ({ readonly state: 'deciding' } & MigrateIn)
  /** Policy said yes; QEMU is started, paused, in the decided label. */
  | ({ readonly state: 'preparing' } & Admitted)
  /** The grant is out. */
  | ({ readonly state: 'granted' } & Granted)
  /** Memory comes in. */
  | ({ readonly state: 'receiving' } & Granted)
  /** The source stands at pre-switchover; policy is asked again. */
  | ({ readonly state: 'deciding-switchover' } & Granted)
  /** The rest comes in; the handover and the end of loading come in either order. */
  | ({ readonly state: 'awaiting-handover' } & Granted)
  | ({ readonly state: 'loaded' } & Granted)
  | ({ readonly state: 'handed-over'; readonly epoch: number } & Granted)
  /** Loaded and handed over; policy is asked a last time before the guest runs. */
  | ({ readonly state: 'deciding-run'; readonly epoch: number } & Granted)
  /** The owner record is moved. */
  | ({ readonly state: 'claiming'; readonly epoch: number } & Granted)
  /** The VM is ours: from here there is only forward, unless QEMU ends before it was told to run the guest. */
  | ({ readonly state: 'running-guest'; readonly epoch: number } & Granted)
  /** Given up: everything that was prepared is taken away. The guest never ran here and never will. */
  | ({ readonly state: 'closing'; readonly outcome: Outcome } & MigrateIn)
  | ({ readonly state: 'completed' } & Granted)
  | ({ readonly state: 'closed'; readonly outcome: Outcome } & MigrateIn);

export type DestinationEvent =
  | { readonly event: 'allowed'; readonly decision: Decision; readonly label: Label }
  | { readonly event: 'still-allowed'; readonly decision: Decision }
  | { readonly event: 'refused'; readonly decision: Decision }
  | { readonly event: 'failed'; readonly fault: Fault }
  | { readonly event: 'prepared'; readonly grant: Grant }
  | { readonly event: 'transfer-began' }
  | { readonly event: 'switchover-asked' }
  | { readonly event: 'loaded' }
  | { readonly event: 'handover-received'; readonly epoch: number }
  | { readonly event: 'transfer-failed'; readonly fault: Fault }
  | { readonly event: 'owner-moved' }
  | { readonly event: 'owner-lost'; readonly fault: Fault }
  /** QEMU ended before it was told to run the guest, so that the source still has it as it is. */
  | { readonly event: 'guest-lost'; readonly fault: Fault }
  | { readonly event: 'running' }
  | { readonly event: 'closed' }
  /** The source calls the transfer off, or asks how a handover went. */
  | { readonly event: 'release-asked' }
  | { readonly event: 'cancel-asked' }
  | { readonly event: 'deadline-passed' };

export type DestinationEffect =
  | { readonly effect: 'decide-offer' }
  | { readonly effect: 'prepare' }
  | { readonly effect: 'decide-switchover' }
  | { readonly effect: 'decide-run' }
  | { readonly effect: 'move-owner' }
  | { readonly effect: 'run' }
  /** End QEMU, close the listener, forget the key. */
  | { readonly effect: 'destroy' };

export const destinationRow = rowOf<DestinationState, DestinationEvent, DestinationEffect>();
