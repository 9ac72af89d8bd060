import type { CheckpointId, HostName, VmName } from '../../../shared/ids.ts';
import type { Outcome } from '../../../shared/messages/view.ts';

/** How an operation ends that has lost a guest's memory. */
export type Lost = Extract<Outcome, { is: 'failed' }>;

interface About {
  readonly vm: VmName;
  readonly checkpoint?: CheckpointId;
}

function lost({ vm, checkpoint }: About, keptBy: HostName, owner: string): Lost {
  const fault = {
    code: 'MEMORY_LOST',
    message: `what was still to be pulled of ${vm}'s memory is lost: it is a stopped VM of ${owner} now, its disks as they were left`,
    hint: `start it, or take it back to its checkpoint: carnet vm restore ${checkpoint} --host ${keptBy}`,
  } as const;
  return { is: 'failed', fault };
}

/** At the destination, whose VM it is. */
export const lostAt = (
  state: About & {
    readonly carnet: { readonly host: HostName };
    readonly grant: { readonly decision: { readonly host: string } };
  },
): Lost => lost(state, state.carnet.host, state.grant.decision.host);

/** At the source, whose VM it still is. */
export const lostHere = (state: About & { readonly carnet: { readonly host: HostName } }): Lost =>
  lost(state, state.carnet.host, state.carnet.host);

/** What is said where the guest is the source's again, as it was. */
export const releasedThere = {
  is: 'failed',
  fault: {
    code: 'TRANSFER_FAILED',
    message: 'the destination could not take over and released the VM; it runs here again',
  },
} as const;
