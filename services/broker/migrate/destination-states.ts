import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId, HostName, OperationId, VmName } from '../../../shared/ids.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { MigrateOptions } from '../../../shared/messages/migrate-options.ts';
import type { Grant } from '../../../shared/messages/peer.ts';
import type { Outcome } from '../../../shared/messages/view.ts';
import type { Carnet } from '../../../shared/vm/carnet.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { rowOf, triesAgain } from '../machine/row.ts';
import type { Lost } from './lost.ts';

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
  /** The source's newest checkpoint of the VM. There where post-copy may be begun, and only there. */
  readonly checkpoint?: CheckpointId;
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
  /** The same, and what is not sent by now is to be pulled. */
  | ({ readonly state: 'deciding-postcopy' } & Granted)
  /** The rest comes in; the handover and the end of loading come in either order. */
  | ({ readonly state: 'awaiting-handover' } & Granted)
  | ({ readonly state: 'loaded' } & Granted)
  | ({ readonly state: 'handed-over'; readonly epoch: number } & Granted)
  /** Loaded and handed over; policy is asked a last time before the guest runs. */
  | ({ readonly state: 'deciding-run'; readonly epoch: number } & Granted)
  /**
   * Everything but memory comes in, and the source can never run the guest again: nothing is given up here on this host's
   * own account.
   */
  | ({ readonly state: 'awaiting-postcopy' } & Granted)
  /** Handed over; QEMU is about to have loaded everything but memory. */
  | ({ readonly state: 'loading-devices'; readonly epoch: number } & Granted)
  /** Policy is asked a last time before the guest runs. A no is asked about again: no other host has the guest. */
  | ({ readonly state: 'deciding-postcopy-run'; readonly epoch: number } & Granted)
  /** The owner record is moved. */
  | ({ readonly state: 'claiming'; readonly epoch: number } & Granted)
  /** The VM is ours: from here there is only forward, unless QEMU ends before it was told to run the guest. */
  | ({ readonly state: 'running-guest'; readonly epoch: number } & Granted)
  /** The guest runs here, and what is missing of its memory is pulled from the source. */
  | ({ readonly state: 'pulling'; readonly epoch: number } & Granted)
  /** The way to the source was cut: what is missing does not come any more. */
  | ({ readonly state: 'cut-off'; readonly epoch: number } & Granted)
  /** The guest cannot go on without what is missing: its QEMU is ended. */
  | ({ readonly state: 'losing'; readonly epoch: number; readonly outcome: Lost } & Granted)
  /** Given up: everything that was prepared is taken away. The guest never ran here and never will. */
  | ({ readonly state: 'closing'; readonly outcome: Outcome } & MigrateIn)
  | ({ readonly state: 'completed' } & Granted)
  /** The VM is a stopped one here: part of the guest's memory is lost. */
  | ({ readonly state: 'lost'; readonly outcome: Lost } & Granted)
  | ({ readonly state: 'closed'; readonly outcome: Outcome } & MigrateIn);

export type DestinationEvent =
  | { readonly event: 'allowed'; readonly decision: Decision; readonly label: Label }
  | { readonly event: 'still-allowed'; readonly decision: Decision }
  | { readonly event: 'refused'; readonly decision: Decision }
  | { readonly event: 'failed'; readonly fault: Fault }
  | { readonly event: 'prepared'; readonly grant: Grant }
  | { readonly event: 'transfer-began' }
  | { readonly event: 'switchover-asked' }
  | { readonly event: 'letting-go-asked' }
  | { readonly event: 'loaded' }
  | { readonly event: 'handover-received'; readonly epoch: number }
  | { readonly event: 'transfer-failed'; readonly fault: Fault }
  | { readonly event: 'owner-moved' }
  | { readonly event: 'owner-lost'; readonly fault: Fault }
  /** QEMU ended before it was told to run the guest, so that the source still has it as it is. */
  | { readonly event: 'guest-lost'; readonly fault: Fault }
  | { readonly event: 'devices-loaded' }
  | { readonly event: 'running' }
  /** It runs, and not all of its memory is here. */
  | { readonly event: 'running-partly' }
  /** All of its memory is here. */
  | { readonly event: 'pulled' }
  /** QEMU has lost its connection to the source. */
  | { readonly event: 'cut' }
  /** QEMU ended while memory was missing. */
  | { readonly event: 'memory-lost'; readonly fault: Fault }
  /** The source says that its QEMU is gone. */
  | { readonly event: 'source-gone' }
  /** Somebody who may stop the VM gives up what is missing. */
  | { readonly event: 'end-asked' }
  | { readonly event: 'ended' }
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
  /** See whether somebody has the VM in a newer epoch than it is to be handed over in. */
  | { readonly effect: 'look-at-owner' }
  /** Wait until QEMU has loaded everything but memory. */
  | { readonly effect: 'await-devices' }
  /** Look whether all of the memory is here. */
  | { readonly effect: 'look-at-pull' }
  /** End QEMU: the VM is a stopped one of this host. */
  | { readonly effect: 'end-guest' }
  /** End QEMU, close the listener, forget the key. */
  | { readonly effect: 'destroy' };

export const destinationRow = rowOf<DestinationState, DestinationEvent, DestinationEffect>();
export const destinationTriesAgain = triesAgain<DestinationState, DestinationEvent, DestinationEffect>;
