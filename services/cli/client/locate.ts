import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { CheckpointId, HostName, VmName } from '../../../shared/ids.ts';
import type { HostRecord } from '../../../shared/messages/record.ts';
import type { Answer, Request } from '../../../shared/messages/request.ts';
import type { Client } from './client.ts';

/** What one of several hosts answered, or why it did not. */
export interface HostAnswer {
  readonly host: HostRecord;
  readonly answer?: Answer;
  readonly problem?: string;
}

/** Asks every host that has announced itself, all at once. A host that does not answer is part of the answer. */
export async function askEveryHost(client: Client, request: Request): Promise<readonly HostAnswer[]> {
  const hosts = await client.hosts();
  return Promise.all(
    hosts.map(async (host): Promise<HostAnswer> => {
      try {
        return { host, answer: await client.ask(host.host, request) };
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        return { host, problem: error.message };
      }
    }),
  );
}

/**
 * Asks the host of a VM: the one that is named, else its owner. An owner that cannot be reached is not the only one who may
 * have something of it: then whoever lists it is asked, a source that is in doubt about a handover, say.
 */
export async function askHostOfVm(
  client: Client,
  vm: VmName,
  request: Request,
  named: HostName | undefined,
): Promise<{ host: HostName; answer: Answer }> {
  const host = named ?? (await hostOfVm(client, vm));
  try {
    return { host, answer: await client.ask(host, request) };
  } catch (error) {
    if (named !== undefined || !faultOf(error).code.startsWith('BUS_')) throw error;
    const other = await lister(client, vm);
    if (other === undefined || other === host) throw error;
    return { host: other, answer: await client.ask(other, request) };
  }
}

/** A host that lists a VM. */
async function lister(client: Client, vm: VmName): Promise<HostName | undefined> {
  for (const { host, answer } of await askEveryHost(client, { verb: 'list' })) {
    if (answer?.is === 'vms' && answer.vms.some((summary) => summary.vm === vm)) return host.host;
  }
  return undefined;
}

/** The host of a VM: its owner record's, else the one that lists it. VM_UNKNOWN where there is none. */
export async function hostOfVm(client: Client, vm: VmName): Promise<HostName> {
  const record = await client.owner(vm);
  const host = record?.owner ?? (await lister(client, vm));
  if (host !== undefined) return host;
  throw new BrokerError('VM_UNKNOWN', `no host has a VM \`${vm}\` that you may see`, {
    hint: 'carnet vm list shows those you may see',
  });
}

/**
 * The host that can take over a VM whose host is gone: one that answers and lists it, a source in doubt say. Where only
 * checkpoints of it are left the person says which: USAGE_INVALID.
 */
export async function hostToRecoverOn(client: Client, vm: VmName): Promise<HostName> {
  const host = await lister(client, vm);
  if (host !== undefined) return host;
  throw new BrokerError(
    'USAGE_INVALID',
    `no host that answers lists \`${vm}\`: say on which one it is to be recovered`,
    {
      hint: `carnet checkpoint list ${vm} shows who has a checkpoint of it; --host takes one of them`,
    },
  );
}

/** A host that has a checkpoint: the one that took it where it still has it. CHECKPOINT_UNKNOWN where there is none. */
export async function hostOfCheckpoint(client: Client, checkpoint: CheckpointId): Promise<HostName> {
  const holders: HostName[] = [];
  for (const { host, answer } of await askEveryHost(client, { verb: 'checkpoint-list' })) {
    const found =
      answer?.is === 'checkpoints' ? answer.checkpoints.find((one) => one.checkpoint === checkpoint) : undefined;
    if (found?.host === host.host) return host.host;
    if (found !== undefined) holders.push(host.host);
  }
  const [first] = holders;
  if (first !== undefined) return first;
  throw new BrokerError('CHECKPOINT_UNKNOWN', `no host has a checkpoint \`${checkpoint}\` that you may see`, {
    hint: 'name a host with --host to ask it all the same',
  });
}

/** The host to use where the command line names none: the only one there is. */
export async function onlyHost(client: Client): Promise<HostName> {
  const hosts = await client.hosts();
  const [first] = hosts;
  if (first !== undefined && hosts.length === 1) return first.host;
  const names = hosts.map(({ host }) => host).join(', ');
  throw new BrokerError('USAGE_INVALID', first === undefined ? 'no host has announced itself' : 'say on which host', {
    hint: first === undefined ? 'is the broker running?' : `--host with one of: ${names}`,
  });
}
