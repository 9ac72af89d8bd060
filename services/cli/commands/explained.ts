import { renderDecision } from '../render/decision.ts';
import type { Ending } from '../render/fault.ts';
import type { Session } from '../session.ts';
import type { Intent } from './verbs.ts';

/**
 * Asks what would be decided and prints every decision. The answer is on stdout whether it is yes or no; a no ends with
 * the same status the action itself would.
 */
export async function explain(session: Session, intent: Intent): Promise<Ending | undefined> {
  const client = await session.connect();
  const host = await intent.host(client);
  const answer = await client.ask(host, { verb: 'explain', action: intent.action });
  if (answer.is === 'failed') return { is: 'fault', fault: answer.fault };
  if (answer.is === 'refused') return { is: 'refused', decision: answer.decision };
  if (answer.is !== 'explained') {
    const message = `${host} answered with \`${answer.is}\`, which is no answer to that`;
    return { is: 'fault', fault: { code: 'MESSAGE_MALFORMED', message } };
  }
  const { decisions } = answer;
  const allowed = decisions.every((decision) => decision.outcome === 'allowed');
  await session.show({
    key: 'explained',
    value: { allowed, decisions },
    name: allowed ? 'allowed' : 'refused',
    table: (style) => decisions.map((decision) => renderDecision(decision, style)).join('\n'),
  });
  return allowed ? undefined : { is: 'no', status: 8 };
}
