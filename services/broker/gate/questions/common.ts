import type { Label } from '../../../../shared/label/label.ts';
import { writes } from '../../../../shared/vm/image-access.ts';
import type { OpenImage } from '../../runtime/ports.ts';
import type { HostFacts, Question } from './question.ts';

/** An image as the gate sees it: what it is for, and its label. */
export type LabelledImage = Pick<OpenImage, 'spec' | 'label'>;

/** C→V or C→T vm{…}: may the client do this to a VM of this label? */
export const clientMay = (client: Label, vm: Label, ...perms: readonly [string, ...string[]]): Question => ({
  kind: 'access',
  why: `the client may ${perms.map((perm) => clientVerbs[perm] ?? perm).join(' and ')} a VM of this label`,
  source: client,
  target: vm,
  tclass: 'vm',
  perms,
});

const clientVerbs: Readonly<Record<string, string>> = {
  transition: 'bring into its domain',
  migrate_out: 'migrate away',
  relabelfrom: 'take the label from',
  relabelto: 'give the label to',
};

/** C→I file{read getattr[, write]}: the first question of the RFC, asked of the client, never of the broker. */
export const clientMayUseImage = (client: Label, { spec, label }: LabelledImage): Question => ({
  kind: 'access',
  why: `the client may ${writes(spec) ? 'read and write' : 'read'} the image ${spec.name}`,
  source: client,
  target: label,
  tclass: 'file',
  perms: writes(spec) ? ['read', 'getattr', 'write'] : ['read', 'getattr'],
});

/** I→T vm{entrypoint}: the third question of the RFC. The image is the source, the VM's domain the target. */
export const imageMayBeEntrypoint = ({ spec, label }: LabelledImage, vm: Label): Question => ({
  kind: 'access',
  why: `the image ${spec.name} may be an entrypoint of the VM's domain`,
  source: label,
  target: vm,
  tclass: 'vm',
  perms: ['entrypoint'],
});

/** T valid: the label means something on this host, and is spelt as its policy spells it. */
export const labelIsValid = (vm: Label): Question => ({
  kind: 'valid',
  why: "the VM's label is valid here",
  label: vm,
});

/** L→T process{transition}, and that the transition can really be made: asked wherever a VM comes to run. */
export const vmMayRunHere = (host: HostFacts, vm: Label): readonly Question[] => [
  {
    kind: 'access',
    why: "the broker may start a process in the VM's domain",
    source: host.label,
    target: vm,
    tclass: 'process',
    perms: ['transition'],
  },
  {
    kind: 'host',
    why: "the VM's process can be confined to its domain",
    asked: host.mustConfine ? 'confinement is required on this host' : 'confinement is not required on this host',
    holds: host.confined || !host.mustConfine,
    reason: 'UNCONFINED',
  },
];

/** L→T vm{migrate_in}: asked wherever a VM's state comes in. */
export const brokerMayTakeIn = (host: HostFacts, vm: Label): Question => ({
  kind: 'access',
  why: "the broker may take in the VM's state",
  source: host.label,
  target: vm,
  tclass: 'vm',
  perms: ['migrate_in'],
});

/**
 * T→U anon_inode{create ioctl read}, U being what policy makes of a userfaultfd of T's: without it QEMU finds out at the
 * first missing page that it cannot go on.
 */
export const vmMayPullMemory = (vm: Label): Question => ({
  kind: 'userfaultfd',
  why: "the VM's process may wait for memory that is not here yet",
  process: vm,
});

/** A host that only records refusals takes no state in: whoever sent it relies on them. */
export const hostEnforces = (host: HostFacts): Question => ({
  kind: 'host',
  why: 'the host enforces its policy',
  asked: host.enforcing ? 'enforcing' : 'permissive',
  holds: host.enforcing,
  reason: 'PERMISSIVE',
});

/** Where T ≠ V the client relabels the VM: C→V vm{relabelfrom}, C→T vm{relabelto}, validatetrans(V, T, C). */
export const clientMayRelabel = (client: Label, from: Label, to: Label): readonly Question[] =>
  from === to
    ? []
    : [
        clientMay(client, from, 'relabelfrom'),
        clientMay(client, to, 'relabelto'),
        { kind: 'relabel', why: "the VM's label may be translated to this one", from, to, task: client },
      ];
