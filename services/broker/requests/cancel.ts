import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { ClientName, OperationId } from '../../../shared/ids.ts';
import type { Answer } from '../../../shared/messages/request.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import { clientLabel, type World } from '../effects/world.ts';
import type { Runner } from '../runtime/runner.ts';

/**
 * Cancels an operation: it gives up as it does when something fails, and the VM is as safe. Whoever began it may, and
 * whoever may stop its VM. Cancelling again is cancelling once. OPERATION_COMMITTED where it can only go forward, or has
 * ended otherwise: then nothing was changed. The answer comes when the cancelling is on disk, not when it is done.
 */
export async function cancelOperation(
  world: World,
  runner: Runner,
  operation: OperationId,
  client: ClientName,
): Promise<Answer> {
  const found = runner.view(operation);
  if (found === undefined) throw unknown(world, operation);
  if (found.client !== client) {
    const entry = world.vms.get(found.vm);
    if (entry === undefined) throw unknown(world, operation);
    const ask = { action: 'stop', client: clientLabel(world, client), label: entry.label } as const;
    const decision = await world.gate.decide(ask, 'request', { vm: found.vm, operation, by: client });
    if (decision.outcome === 'refused') return { is: 'refused', decision };
  }
  if (await runner.deliver(operation, { event: 'cancel-asked' })) return { is: 'done' };
  const view = runner.view(operation);
  if (view === undefined) throw unknown(world, operation);
  if (isCancelled(runner, view)) return { is: 'done' };
  throw new BrokerError(
    'OPERATION_COMMITTED',
    view.outcome === null
      ? `${operation} is ${view.state}: it can only go forward now`
      : `${operation} has ended: ${view.outcome.is}`,
    { hint: 'carnet operation show --follow tells how it goes on' },
  );
}

/** Cancelled before, and done with it or still about it. */
function isCancelled(runner: Runner, view: OperationView): boolean {
  const state = runner.stateOf(view.operation);
  return state !== undefined && 'outcome' in state && (state.outcome as { is?: unknown }).is === 'cancelled';
}

const unknown = ({ host }: World, operation: OperationId) =>
  new BrokerError('OPERATION_UNKNOWN', `no operation ${operation} on ${host}`);
