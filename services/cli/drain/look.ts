import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { HostName } from '../../../shared/ids.ts';
import type { ActionOf } from '../../../shared/messages/request.ts';
import type { OperationView, VmSummary } from '../../../shared/messages/view.ts';
import { refusedQuestions } from '../../../shared/vm/decision.ts';
import type { Client } from '../client/client.ts';
import type { Verdict, VmToMove } from './plan.ts';

/** How many questions are asked at once. */
const atOnce = 8;

/** Does the same with each of many, a few at once. The answers are in the order of what was given. */
export async function each<T, R>(all: readonly T[], act: (one: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  let next = 0;
  const work = async () => {
    for (let at = next++; at < all.length; at = next++) answers[at] = await act(all[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, work));
  return answers;
}

/** The migration that empties a host of a VM. Zero bandwidth is unlimited. */
export const migration = (vm: VmSummary['vm'], destination: HostName, queueMsMax: number): ActionOf<'migrate'> => ({
  verb: 'migrate',
  vm,
  destination,
  options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
  queueMsMax,
  drain: true,
});

/** The VMs of a host that this client may see. */
export async function vmsOn(client: Client, host: HostName): Promise<readonly VmSummary[]> {
  const answer = await client.ask(host, { verb: 'list' });
  if (answer.is === 'vms') return answer.vms;
  if (answer.is === 'failed') throw new BrokerError(answer.fault.code, answer.fault.message, answer.fault);
  throw new BrokerError('MESSAGE_MALFORMED', `${host} answered with \`${answer.is}\`, which is no list of VMs`);
}

/** The operation that is under way for a VM of a host. */
export async function operationOf(
  client: Client,
  host: HostName,
  vm: VmSummary['vm'],
): Promise<OperationView | undefined> {
  const shown = await client.ask(host, { verb: 'show', vm });
  if (shown.is !== 'vm' || shown.vm.operation === null) return undefined;
  const answer = await client.ask(host, { verb: 'operation', operation: shown.vm.operation });
  return answer.is === 'operation' ? answer.operation : undefined;
}

/** What each VM of a host meets on every other host, and whether a migration of it is under way. */
export async function lookAt(client: Client, host: HostName, vms: readonly VmSummary[]): Promise<VmToMove[]> {
  const others = (await client.hosts()).map((record) => record.host).filter((other) => other !== host);
  return each(vms, async ({ vm, state, memoryMiB }): Promise<VmToMove> => {
    const operation = await operationOf(client, host, vm);
    const underWay = operation?.kind === 'migrate-source' ? { underWay: operation } : {};
    if (state === 'paused' && operation === undefined) {
      return { vm, memoryMiB, verdicts: [], stands: `it is paused: carnet vm resume ${vm}` };
    }
    const verdicts: Verdict[] = [];
    for (const other of others) verdicts.push(await verdictOf(client, host, vm, other));
    return { vm, memoryMiB, verdicts, ...underWay };
  });
}

/** Whether another host would take a VM, by its policy and the source's, or what is missing. */
async function verdictOf(client: Client, source: HostName, vm: VmSummary['vm'], host: HostName): Promise<Verdict> {
  try {
    const answer = await client.ask(source, { verb: 'explain', action: migration(vm, host, 0) });
    if (answer.is === 'failed') return { host, takes: false, refused: false, why: answer.fault.message };
    if (answer.is !== 'explained')
      return { host, takes: false, refused: false, why: `no answer to that: ${answer.is}` };
    const [first] = answer.decisions.flatMap(refusedQuestions);
    if (answer.decisions.every(({ outcome }) => outcome === 'allowed')) return { host, takes: true };
    const why = first?.missing ?? `${first?.asked ?? 'refused'} [${first?.reason ?? 'ENGINE'}]`;
    return { host, takes: false, refused: true, why };
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return { host, takes: false, refused: false, why: faultOf(error).message };
  }
}

/** How much memory the VMs of every other host have, in MiB: the measure of how loaded it is. */
export async function loadsOf(client: Client, except: HostName): Promise<Map<HostName, number>> {
  const hosts = (await client.hosts()).map(({ host }) => host).filter((host) => host !== except);
  const loads = await each(hosts, async (host): Promise<[HostName, number]> => {
    // One that does not answer is the last to be chosen.
    const vms = await vmsOn(client, host).catch(() => undefined);
    return [host, vms?.reduce((sum, vm) => sum + vm.memoryMiB, 0) ?? Number.MAX_SAFE_INTEGER];
  });
  return new Map(loads);
}
