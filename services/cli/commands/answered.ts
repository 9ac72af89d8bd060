import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { Answer, Request } from '../../../shared/messages/request.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { Ending } from '../render/fault.ts';
import type { Listing } from '../render/output.ts';
import type { Session } from '../session.ts';

/** What hosts and the scheduler may answer instead of what was asked for. */
type Instead =
  | { readonly is: 'failed'; readonly fault: Fault }
  | { readonly is: 'refused'; readonly decision: Decision };

/** The answer that was asked for, or how the command ends instead. */
export function answered<A extends { readonly is: string }, I extends A['is']>(
  from: string,
  answer: A | Instead,
  is: I,
): { ok: true; answer: Extract<A, { is: I }> } | { ok: false; ending: Ending } {
  if (answer.is === is) return { ok: true, answer: answer as Extract<A, { is: I }> };
  const instead = answer as Instead;
  if (instead.is === 'failed') return { ok: false, ending: { is: 'fault', fault: instead.fault } };
  if (instead.is === 'refused') return { ok: false, ending: { is: 'refused', decision: instead.decision } };
  return { ok: false, ending: unexpected(from, answer.is) };
}

/** An answer of a kind that was not asked for. */
export const unexpected = (from: string, is: string): Ending => ({
  is: 'fault',
  fault: { code: 'MESSAGE_MALFORMED', message: `${from} answered with \`${is}\`, which is no answer to that` },
});

/** Asks every host the same, prints what they answered as one list, and says which of them did not. */
export async function listOfEveryHost<I extends Answer['is'], Row>(
  session: Session,
  request: Request,
  is: I,
  listing: Omit<Listing<Row>, 'rows'> & { readonly rows: (answers: readonly Extract<Answer, { is: I }>[]) => Row[] },
): Promise<Ending | undefined> {
  const { askEveryHost } = await import('../client/locate.ts');
  const asked = await askEveryHost(await session.connect(), request);
  const wanted = (answer: Answer | undefined): answer is Extract<Answer, { is: I }> => answer?.is === is;
  const rows = listing.rows(asked.map(({ answer }) => answer).filter(wanted));
  await session.list({ ...listing, rows });
  const missing = asked.filter(({ answer }) => !wanted(answer)).map(({ host }) => host.host);
  return missing.length === 0 ? undefined : { is: 'partial', missing };
}
