import { BrokerError, faultOf } from '../../../shared/errors/broker-error.ts';
import type { HostName, VmName } from '../../../shared/ids.ts';
import type { whoHasExchange } from '../../../shared/messages/peer.ts';
import type { Shape } from '../../../shared/schema/schema.ts';
import type { World } from '../effects/world.ts';
import type { Runner } from '../runtime/runner.ts';

/*
 * Where the bucket keeps fewer than three copies, a record may be an old one that came back, and a host have the VM that it
 * does not name. So before a VM is taken over from a host that is off for good, every other host is asked for it.
 *
 * Nobody has it where nobody says so and nobody knows a newer epoch than whoever asks. Whoever had it when the asking began
 * either has it still, or has given it away since, and remembers the newer epoch in which it did.
 */

type Answer = Shape<(typeof whoHasExchange)['answer']>;

/** What the other hosts say of a VM that none of them has. */
export interface Others {
  /** Those that said so. */
  readonly heard: readonly HostName[];
  /** Those that did not answer. Any of them may have it. */
  readonly silent: readonly HostName[];
  /** The newest epoch that anybody knows of. */
  readonly epoch: number;
}

/** How often all are asked while each time one of them knows a newer epoch. */
const roundsMax = 3;

/**
 * Asks every host but `gone`, which is off for good, whether it has the VM; `epoch` is the newest that is known here. Nobody
 * is asked where the record decides alone. OWNER_CONFLICT where one has it, with its name.
 */
export async function askOthers(
  { ownership, peers }: Pick<World, 'ownership' | 'peers'>,
  vm: VmName,
  { epoch, gone }: { readonly epoch: number; readonly gone: HostName },
): Promise<Others> {
  if (ownership.decidesAlone) return { heard: [], silent: [], epoch };
  const others = (await peers.others()).filter((other) => other !== gone);
  let heard = others;
  let newest = epoch;
  for (let round = 0; round < roundsMax; round++) {
    const asked = newest;
    const answers = await Promise.all(
      heard.map(async (host) => ({ host, epoch: await epochAt(host, peers.whoHas(host, { vm, epoch: asked }), vm) })),
    );
    const known = answers.filter((answer) => answer.epoch !== undefined);
    heard = known.map(({ host }) => host);
    newest = Math.max(asked, ...known.map((answer) => answer.epoch ?? 0));
    if (newest === asked) {
      const answered = new Set(heard);
      return { heard, silent: others.filter((host) => !answered.has(host)), epoch: newest };
    }
  }
  throw new BrokerError('OWNER_IN_DOUBT', `${vm} goes from one host to another just now`, { hint: 'ask again' });
}

/** The newest epoch a host without the VM knows of; undefined where it does not say. */
async function epochAt(host: HostName, asked: Promise<Answer>, vm: VmName): Promise<number | undefined> {
  const answer = await asked.catch((error: unknown) => ({ is: 'failure', fault: faultOf(error) }) as const);
  if (answer.is === 'failure') return undefined;
  if (answer.is === 'has-not') return answer.epoch;
  throw new BrokerError('OWNER_CONFLICT', `${host} ${has[answer.why]} ${vm}, whatever its record says`, {
    hint: `look at it there: carnet vm show ${vm} --host ${host}`,
  });
}

const has = {
  qemu: 'has a QEMU of',
  operation: 'is at work on',
  journal: 'has',
} as const;

/** OWNER_IN_DOUBT where a host did not answer of which nobody has said that it is off as well. */
export function mustBeAccountedFor(vm: VmName, { silent }: Others, alsoFenced: readonly HostName[]): void {
  const missing = silent.filter((host) => !alsoFenced.includes(host));
  if (missing.length === 0) return;
  const flags = missing.map((host) => `--also-fenced ${host}`).join(' ');
  throw new BrokerError('OWNER_IN_DOUBT', `${missing.join(', ')} did not say whether ${vm} is there`, {
    hint: `bring it back, or, where it is off for good or cut off from the disks as well, say so: ${flags}`,
  });
}

/**
 * What this host says when it is asked: whether it runs the VM, works on it, or has it by its journal in an epoch that is no
 * older than the one that is asked about.
 */
export function whoHas({ vms }: Pick<World, 'vms'>, runner: Pick<Runner, 'isBusy'>, vm: VmName, epoch: number): Answer {
  if (runner.isBusy(vm)) return { is: 'has', why: 'operation' };
  if (vms.silent(vm) !== undefined || vms.process(vm) !== undefined) return { is: 'has', why: 'qemu' };
  const entry = vms.get(vm);
  return entry !== undefined && entry.epoch >= epoch
    ? { is: 'has', why: 'journal' }
    : { is: 'has-not', epoch: vms.epochOf(vm) };
}
