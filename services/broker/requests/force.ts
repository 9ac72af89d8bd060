import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { ClientName, OperationId } from '../../../shared/ids.ts';
import type { Answer } from '../../../shared/messages/request.ts';
import type { World } from '../effects/world.ts';
import type { Runner } from '../runtime/runner.ts';
import { needView, refusalToInterfere } from './who-may.ts';

/**
 * Has the guest of a migration paused, so that the rest of its memory is sent in one go; or, where post-copy was allowed and
 * is asked for, run at the destination at once, the rest to be pulled from here. Whoever may cancel it may. Forcing again is
 * forcing once. OPERATION_STATE while no memory is sent, or no more: then nothing was changed. The answer comes when it is
 * on disk, not when the guest is paused. A destination has nothing to force.
 */
export async function forceOperation(
  world: World,
  runner: Runner,
  { operation, postcopy = false }: { readonly operation: OperationId; readonly postcopy?: boolean | undefined },
  client: ClientName,
): Promise<Answer> {
  const decision = await refusalToInterfere(world, runner, operation, client);
  if (decision !== undefined) return { is: 'refused', decision };
  const state = runner.stateOf(operation);
  if (postcopy && state !== undefined && !('checkpoint' in state)) {
    throw new BrokerError('OPERATION_STATE', `post-copy was not allowed for ${operation}`, {
      hint: 'migrate with --allow-postcopy, or force it without --postcopy',
    });
  }
  const asked = { event: postcopy ? 'postcopy-asked' : 'force-asked', by: client } as { event: string };
  if (await runner.deliver(operation, asked)) {
    world.log.warn('a migration is forced', { operation, by: client, postcopy });
    return { is: 'done' };
  }
  const view = needView(world, runner, operation);
  if (isForced(runner, operation, postcopy)) return { is: 'done' };
  throw new BrokerError(
    'OPERATION_STATE',
    view.outcome === null
      ? `${operation} is ${view.state}: only a migration that is sending memory can be forced`
      : `${operation} has ended: ${view.outcome.is}`,
  );
}

function isForced(runner: Runner, operation: OperationId, postcopy: boolean): boolean {
  const state = runner.stateOf(operation);
  return state !== undefined && (postcopy ? 'postcopy' : 'forced') in state;
}
