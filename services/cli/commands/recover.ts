import { type HostName, hostName, vmName } from '../../../shared/ids.ts';
import type { Recovery } from '../../../shared/messages/recovery.ts';
import { memoryChoice } from '../../../shared/messages/recovery.ts';
import type { ActionOf } from '../../../shared/messages/request.ts';
import { hostToRecoverOn } from '../client/locate.ts';
import { type Ending, exits } from '../render/fault.ts';
import { renderRecovery } from '../render/recovery.ts';
import type { Session } from '../session.ts';
import { answered } from './answered.ts';
import { valid } from './arguments.ts';

export interface RecoverOptions {
  readonly host?: string;
  readonly fenceConfirmed?: boolean;
  readonly alsoFenced?: readonly string[];
  readonly memory?: string;
  readonly yes?: boolean;
}

/**
 * Takes a VM over from a host that has died for good. First the host says what it would do and what that risks; it is done
 * only with --fence-confirmed, and where a person sits at the terminal, only when they name the hosts that are fenced.
 */
export async function recover(
  session: Session,
  vmText: string | undefined,
  options: RecoverOptions,
): Promise<Ending | undefined> {
  const vm = valid(vmName, vmText);
  const client = await session.connect();
  const host = options.host === undefined ? await hostToRecoverOn(client, vm) : valid(hostName, options.host);
  const also = (options.alsoFenced ?? []).map((name) => valid(hostName, name));
  const memory = options.memory === undefined ? {} : { memory: valid(memoryChoice, options.memory) };
  const ask = async (fenced?: HostName) => {
    const request: ActionOf<'recover'> = {
      verb: 'recover',
      vm,
      ...memory,
      ...(fenced === undefined ? {} : { fenced }),
      ...(also.length === 0 ? {} : { alsoFenced: also }),
    };
    return answered(host, await client.ask(host, request), 'recovery');
  };
  const told = await ask();
  if (!told.ok) return told.ending;
  const { recovery } = told.answer;
  if (options.fenceConfirmed !== true) {
    await show(session, recovery, false);
    session.note('Nothing was done. When that is so, say it again with --fence-confirmed.\n');
    return { is: 'no', status: exits.usage };
  }
  session.note(renderRecovery(recovery, session.noteStyle));
  if (!(await isMeant(session, [recovery.fenced, ...also], options))) {
    session.note('Nothing was done.\n');
    return { is: 'no', status: exits.usage };
  }
  const done = await ask(recovery.fenced);
  if (!done.ok) return done.ending;
  await show(session, done.answer.recovery, true);
  return undefined;
}

/** Whoever sits at the terminal says which hosts are off for good, every one of them. */
async function isMeant(session: Session, off: readonly HostName[], { yes }: RecoverOptions): Promise<boolean> {
  const { ask } = session.io;
  if (yes === true || ask === undefined) return true;
  const which = off.length === 1 ? 'Type the name of the host that is' : 'Type the names of the hosts that are';
  const said = new Set((await ask(`${which} off for good: `)).split(/[\s,]+/).filter((name) => name !== ''));
  return said.size === new Set(off).size && off.every((host) => said.has(host));
}

const show = (session: Session, recovery: Recovery, done: boolean): Promise<void> =>
  session.show({
    key: 'recovery',
    value: { ...recovery, done },
    name: recovery.vm,
    table: (style) =>
      done ? `${style.good('✓')} ${recovery.afterwards} (epoch ${recovery.epoch})\n` : renderRecovery(recovery, style),
  });
