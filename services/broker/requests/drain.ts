import type { ClientName } from '../../../shared/ids.ts';
import type { ActionOf, Answer, HostView } from '../../../shared/messages/request.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import { clientLabel, type World } from '../effects/world.ts';
import { isSending, isTakingIn, isWaiting } from '../queue/limits.ts';
import type { Runner } from '../runtime/runner.ts';

/** The decision whether a client may drain this host, and let it take VMs in again. */
export const decideDrain = (world: World, client: ClientName): Promise<Decision> =>
  world.gate.decide({ action: 'drain', client: clientLabel(world, client) }, 'request', { by: client });

/**
 * Marks the host as one that takes nothing in, or takes the mark away. The answer comes when it is on disk. What was
 * begun before goes on; moving the VMs away is for whoever asked.
 */
export async function drain(world: World, action: ActionOf<'drain' | 'undrain'>, client: ClientName): Promise<Answer> {
  const { draining, clock, log } = world;
  const decision = await decideDrain(world, client);
  if (decision.outcome === 'refused') return { is: 'refused', decision };
  await (action.verb === 'drain' ? draining.set({ by: client, sinceMs: clock.nowMs() }) : draining.clear());
  log.info('draining', { is: action.verb, by: client });
  return { is: 'done', decision };
}

/** How busy the host is, and whether it is being drained. */
export function loadOf(
  { draining, migrations, freeMemoryMiB }: World,
  runner: Runner,
): Pick<HostView, 'draining' | 'migrations' | 'freeMemoryMiB'> {
  const mark = draining.mark();
  const open = runner.open();
  const { outboundMax, inboundMax } = migrations;
  return {
    ...(mark === undefined ? {} : { draining: mark }),
    freeMemoryMiB: freeMemoryMiB(),
    migrations: {
      outbound: open.filter(isSending).length,
      outboundMax,
      inbound: open.filter(isTakingIn).length,
      inboundMax,
      waiting: open.filter(isWaiting).length,
    },
  };
}
