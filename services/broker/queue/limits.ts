import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { HostName } from '../../../shared/ids.ts';
import type { MigrationLimits } from '../config.ts';
import type { OperationRecord } from '../runtime/kind.ts';

/*
 * How many migrations a host takes part in at once. One counts while memory may go over, so that one that waits for a word
 * after that, which may take as long as a bus is away, keeps no other from its turn.
 */

const sendingStates: readonly string[] = [
  'offering',
  'confirming',
  'transferring',
  'forcing',
  'starting-postcopy',
  'deciding-switchover',
  'switching-over',
  'handing-over',
  'letting-go',
  'pulling',
  'withdrawing',
];
const takingInPast: readonly string[] = ['claiming', 'running-guest', 'cut-off', 'completed', 'lost', 'closed'];

type Open = Pick<OperationRecord, 'kind' | 'state' | 'endedAtMs'>;

/** True for a migration that sends a VM of this host. */
export const isSending = ({ kind, state }: Open): boolean =>
  kind === 'migrate-source' && sendingStates.includes(state.state);

/** True for a migration that takes a VM in here. */
export const isTakingIn = ({ kind, state }: Open): boolean =>
  kind === 'migrate-destination' && !takingInPast.includes(state.state);

/** True for a migration that waits for its turn, or is about to. */
export const isWaiting = ({ kind, state }: Open): boolean =>
  kind === 'migrate-source' && (state.state === 'deciding' || state.state === 'queued');

interface Host {
  readonly host: HostName;
  readonly migrations: MigrationLimits;
}

/** HOST_BUSY where this host takes in as many VMs as it may. */
export function mustHaveRoomForOne({ host, migrations }: Host, open: readonly Open[]): void {
  if (open.filter(isTakingIn).length < migrations.inboundMax) return;
  throw new BrokerError('HOST_BUSY', `${host} takes in ${migrations.inboundMax} VMs at once and no more`, {
    hint: 'wait, or raise migrations.inboundMax in its broker.yaml',
  });
}

/** QUEUE_FULL where as many migrations wait on this host as may. */
export function mustHavePlaceInQueue({ host, migrations }: Host, open: readonly Open[]): void {
  if (open.filter(isWaiting).length < migrations.queueMax) return;
  throw new BrokerError('QUEUE_FULL', `${migrations.queueMax} migrations wait on ${host} already`, {
    hint: 'wait, or cancel some: carnet operation list',
  });
}
