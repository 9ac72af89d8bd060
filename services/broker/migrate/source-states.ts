import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId, ClientName, HostName, OperationId, VmName } from '../../../shared/ids.ts';
import type { MigrateOptions } from '../../../shared/messages/migrate-options.ts';
import type { Grant } from '../../../shared/messages/peer.ts';
import type { Fence } from '../../../shared/messages/recovery.ts';
import type { Outcome } from '../../../shared/messages/view.ts';
import type { Carnet } from '../../../shared/vm/carnet.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { rowOf, triesAgain } from '../machine/row.ts';
import type { Lost } from './lost.ts';

/** What the migration is about; the same in every state. */
export interface MigrateOut {
  readonly operation: OperationId;
  readonly vm: VmName;
  readonly destination: HostName;
  readonly options: MigrateOptions;
  readonly priority: number;
  /** How long it may wait for its turn, in ms since it was asked for. */
  readonly queueMsMax: number;
  /** It is part of the draining of its host. */
  readonly drain: boolean;
  /** The client's signed request, byte for byte, for the destination to check. */
  readonly request: Uint8Array;
  /** There once the guest was paused so that the rest is sent in one go: who asked for it, null where its time was over. */
  readonly forced?: { readonly by: ClientName | null };
  /** There once post-copy was started: who asked for it, null where its time was over. */
  readonly postcopy?: { readonly by: ClientName | null };
}

/** How long it waited for its turn so far. Times are in ms since the epoch. */
export interface Wait {
  readonly sinceMs: number;
  /** The destination had no room when it was asked: it is not asked again before `untilMs`. */
  readonly busy?: { readonly sinceMs: number; readonly untilMs: number; readonly tries: number };
}

/** Where the destination listens, under which grant. */
export type GrantHeld = Pick<Grant, 'grantId' | 'address' | 'port' | 'transferKey'>;
type Offered = MigrateOut & {
  readonly carnet: Carnet;
  readonly wait: Wait;
  /** What is left of the guest should post-copy lose it. There where post-copy was allowed, and only there. */
  readonly checkpoint?: CheckpointId;
};
type Granted = Offered & { readonly grant: GrantHeld };

/** What somebody said of a destination that died for good, and whether the guest's memory here is given up with it. */
interface Fenced {
  readonly fence?: Fence;
  readonly dropsMemory?: boolean;
}

export type SourceState =
  /** Policy is asked whether the client may, and whether the VM may leave to that host. */
  | ({ readonly state: 'deciding' } & MigrateOut)
  /** Policy said yes; others are before it, or its destination has no room. */
  | ({ readonly state: 'queued' } & Offered)
  /** The offer is out. */
  | ({ readonly state: 'offering' } & Offered)
  /** Granted; policy is asked again before the first byte. */
  | ({ readonly state: 'confirming' } & Granted)
  /** Memory is on its way, the guest runs. */
  | ({ readonly state: 'transferring' } & Granted)
  /** The guest is paused, and what is left of its memory is on its way. */
  | ({ readonly state: 'forcing' } & Granted)
  /** QEMU is told to stop before switchover now; what is not sent by then is to be pulled. */
  | ({ readonly state: 'starting-postcopy' } & Granted)
  /** QEMU stands at pre-switchover, the guest is paused; policy is asked again here and at the destination, at once. */
  | ({ readonly state: 'deciding-switchover' } & Granted)
  /** QEMU sends the rest. */
  | ({ readonly state: 'switching-over' } & Granted)
  /** QEMU is done and the handover is signed: the destination alone may move the record now. */
  | ({ readonly state: 'handing-over' } & Granted)
  /**
   * QEMU is told to go on in post-copy: from here the guest can never run here again, unless QEMU says that it failed to
   * begin, or that all was sent.
   */
  | ({ readonly state: 'letting-go' } & Granted)
  /** The handover is signed, and the destination needs the memory that is still here. Ends on the destination's word alone. */
  | ({ readonly state: 'pulling' } & Granted)
  /** The answer to the handover is not known. Nobody runs the guest here until it is. */
  | ({ readonly state: 'in-doubt' } & Granted)
  /** The destination released the VM, or the record alone decides: the next epoch is claimed and the guest runs here again. */
  | ({ readonly state: 'taking-back'; readonly outcome: Outcome; readonly released: boolean } & Fenced & Granted)
  /** The transfer is called off while the VM is still ours. */
  | ({ readonly state: 'withdrawing'; readonly outcome: Outcome } & Offered)
  /** The destination runs the guest, or has lost it in post-copy; the copy here is destroyed. */
  | ({ readonly state: 'clearing'; readonly outcome?: Lost } & Granted)
  | ({ readonly state: 'completed' } & MigrateOut)
  /** The VM is the destination's, without the guest's memory. */
  | ({ readonly state: 'lost'; readonly outcome: Lost } & MigrateOut)
  /** The VM is where it was. */
  | ({ readonly state: 'unmoved'; readonly outcome: Outcome } & MigrateOut);

export type SourceEvent =
  | {
      readonly event: 'allowed';
      readonly decision: Decision;
      readonly carnet: Carnet;
      readonly checkpoint?: CheckpointId;
    }
  /** It is its turn: this host sends fewer VMs than it may. */
  | { readonly event: 'turn-given' }
  /** The destination takes in as many VMs as it may; it is asked again at `untilMs` at the earliest. */
  | { readonly event: 'destination-busy'; readonly nowMs: number; readonly untilMs: number }
  | { readonly event: 'confirmed'; readonly decision: Decision }
  | { readonly event: 'refused'; readonly decision: Decision }
  | { readonly event: 'failed'; readonly fault: Fault }
  | { readonly event: 'granted'; readonly grant: GrantHeld; readonly decision: Decision }
  | { readonly event: 'converged' }
  | { readonly event: 'switchover-allowed'; readonly decision: Decision; readonly peerDecision: Decision }
  /** The same where post-copy was started. */
  | { readonly event: 'postcopy-allowed'; readonly decision: Decision; readonly peerDecision: Decision }
  | { readonly event: 'sent' }
  /** QEMU has sent everything but memory, and some of that since. */
  | { readonly event: 'postcopy-began' }
  | { readonly event: 'transfer-failed'; readonly fault: Fault }
  | { readonly event: 'destination-running'; readonly decision?: Decision }
  | { readonly event: 'destination-released'; readonly decision?: Decision }
  /** The same in post-copy, when all had been sent: the guest is still here, whole. */
  | { readonly event: 'copy-released'; readonly decision?: Decision }
  /** The guest runs there, and needs what is still here. */
  | { readonly event: 'destination-pulling'; readonly decision: Decision }
  /** The guest ran there, and its memory is lost. */
  | { readonly event: 'destination-lost'; readonly lost: Fault }
  /** The destination does not answer, and the record, which decides alone, is where it was. */
  | { readonly event: 'record-unmoved' }
  /** The destination is off for good: an operator has said so, and it is on record. */
  | { readonly event: 'fence-confirmed'; readonly fence: Fence; readonly dropsMemory: boolean }
  | { readonly event: 'unresolved'; readonly fault?: Fault }
  /** The destination has moved the record after all. */
  | { readonly event: 'owner-lost' }
  /** The destination has released the VM, and another host has it in a newer epoch: it was fenced away from here. */
  | { readonly event: 'overruled' }
  | { readonly event: 'taken-back' }
  | { readonly event: 'withdrawn' }
  | { readonly event: 'cleared' }
  /** The same of a guest that was lost. */
  | { readonly event: 'cleared-lost'; readonly outcome: Lost }
  | { readonly event: 'cancel-asked' }
  | { readonly event: 'force-asked'; readonly by: ClientName }
  /** Its time is over, or it does not converge, and that is what was asked for then. */
  | { readonly event: 'force-due' }
  | { readonly event: 'postcopy-asked'; readonly by: ClientName }
  | { readonly event: 'postcopy-due' }
  | { readonly event: 'deadline-passed' };

export type SourceEffect =
  /** Ask this host's policy; at the request also make the carnet. */
  | { readonly effect: 'decide-request' }
  | { readonly effect: 'decide-first-byte' }
  /** The same question once more, put to both hosts at once. */
  | { readonly effect: 'decide-switchover' }
  | { readonly effect: 'send-offer' }
  | { readonly effect: 'start-transfer' }
  /** Look how far it is, until it is over: a transfer that goes nowhere is given up, or forced. */
  | { readonly effect: 'follow-transfer' }
  /** Pause the guest. */
  | { readonly effect: 'force' }
  /** Have QEMU stop before switchover and send the rest in post-copy, if the checkpoint is still there. */
  | { readonly effect: 'start-postcopy' }
  | { readonly effect: 'switch-over' }
  /** Wait until QEMU has said which way it went on. */
  | { readonly effect: 'await-postcopy' }
  | { readonly effect: 'send-handover' }
  /** Ask the destination, and look at the record, which way an unanswered handover went. */
  | { readonly effect: 'resolve-doubt' }
  | { readonly effect: 'take-back' }
  /** Cancel the transfer and see that the guest runs. */
  | { readonly effect: 'withdraw' }
  /** Tell the destination to give up what it prepared. */
  | { readonly effect: 'send-release' }
  | { readonly effect: 'destroy-copy' };

export const sourceRow = rowOf<SourceState, SourceEvent, SourceEffect>();
export const sourceTriesAgain = triesAgain<SourceState, SourceEvent, SourceEffect>;
