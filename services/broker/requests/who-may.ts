import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { ClientName, OperationId } from '../../../shared/ids.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { clientLabel, type World } from '../effects/world.ts';
import type { Runner } from '../runtime/runner.ts';

/**
 * Whether a client may interfere with an operation: whoever began it may, and whoever may stop its VM. Answers with policy's no
 * where it may not. OPERATION_UNKNOWN where there is none, and where its VM is not here any more to ask policy about.
 */
export async function refusalToInterfere(
  world: World,
  runner: Runner,
  operation: OperationId,
  client: ClientName,
): Promise<Decision | undefined> {
  const found = needView(world, runner, operation);
  if (found.client === client) return undefined;
  const entry = world.vms.get(found.vm);
  if (entry === undefined) throw unknown(world, operation);
  const ask = { action: 'stop', client: clientLabel(world, client), label: entry.label } as const;
  const decision = await world.gate.decide(ask, 'request', { vm: found.vm, operation, by: client });
  return decision.outcome === 'refused' ? decision : undefined;
}

/** An operation as it is now. OPERATION_UNKNOWN where there is none. */
export function needView(world: Pick<World, 'host'>, runner: Runner, operation: OperationId): OperationView {
  const view = runner.view(operation);
  if (view === undefined) throw unknown(world, operation);
  return view;
}

const unknown = ({ host }: Pick<World, 'host'>, operation: OperationId) =>
  new BrokerError('OPERATION_UNKNOWN', `no operation ${operation} on ${host}`);
