import { createHash } from 'node:crypto';
import type { Reply, Selinuxfs } from '../../../policy/kernel/selinuxfs.ts';
import type { Policy } from '../../../policy/policy.ts';

/** What a fake kernel has: a policy, its classes in the order of their numbers, and whether it gives invalid results. */
export interface Loadable {
  readonly policy: Policy;
  readonly classes: readonly string[];
}

interface FakeSelinuxfs extends Selinuxfs {
  /** The files that were opened. */
  readonly opened: string[];
  /** Answers given instead of the kernel's own, by file. */
  readonly instead: Map<string, Reply<string>>;
  enforcing: boolean;
  /**
   * Loads another policy as the kernel does it: before the opening numbered `shownAt` its classes and booleans are shown, before
   * the one numbered `inForceAt` it is in force, and whoever opens a boolean or the policy in between waits for that.
   */
  loadLater(next: Loadable, shownAt: number, inForceAt: number): void;
}

/** A kernel's selinuxfs that answers with the engine, to look at what the adapter makes of answers and of their order. */
export function fakeSelinuxfs(first: Loadable): FakeSelinuxfs {
  let shown = first;
  let inForce = first;
  let seqno = 1;
  let load: { next: Loadable; shownAt: number; inForceAt: number } | undefined;
  const opened: string[] = [];
  const instead = new Map<string, Reply<string>>();

  const finish = (): void => {
    if (load === undefined || shown !== load.next) return;
    inForce = load.next;
    seqno++;
    load = undefined;
  };
  const open = (path: string): void => {
    opened.push(path);
    if (load !== undefined && opened.length >= load.shownAt) shown = load.next;
    if (path === 'policy' || path.startsWith('booleans/')) finish();
    if (load !== undefined && opened.length >= load.inForceAt) finish();
  };
  const permsOf = (tclass: string): readonly string[] => shown.policy.computeAv('', '', tclass).auditdeny;
  const no = (errno: string) => ({ ok: false, errno }) as const;
  const yes = <T>(value: T) => ({ ok: true, value }) as const;

  const textOf = (path: string): Reply<string> => {
    const [folder = '', name = '', kind, perm] = path.split('/');
    if (path === 'initial_contexts/kernel') return yes('system_u:system_r:kernel_t:s0\0');
    if (path === 'policy')
      return yes(`policy ${seqno} ${createHash('sha256').update(shown.policy.digest).digest('hex')}`);
    if (folder === 'booleans') {
      const value = shown.policy.booleans.get(name);
      return value === undefined ? no('ENOENT') : yes(value ? '1 1' : '0 0');
    }
    const number = shown.classes.indexOf(name) + 1;
    if (folder !== 'class' || number === 0) return no('ENOENT');
    if (kind === 'index') return yes(`${number}`);
    const bit = permsOf(name).indexOf(perm ?? '') + 1;
    return bit === 0 ? no('ENOENT') : yes(`${bit}`);
  };

  const access = (source: string, target: string, number: number): string => {
    const tclass = inForce.classes[number - 1] ?? '';
    const perms = inForce.policy.computeAv('', '', tclass).auditdeny;
    const av = inForce.policy.computeAv(source, target, tclass);
    const bits = (names: readonly string[]): string =>
      (names.reduce((sum, name) => sum | (1 << perms.indexOf(name)), 0) >>> 0).toString(16);
    return `${bits(av.allowed)} ffffffff ${bits(av.auditallow)} ${bits(av.auditdeny)} ${seqno} ${av.permissive ? 1 : 0}`;
  };

  const answer = (path: string, request: string): Reply<string> => {
    const { policy, classes } = inForce;
    const [source = '', target = '', number = '', name] = request.split(' ');
    const valid = (context: string): boolean => policy.canonical(context) !== undefined;
    if (path === 'context') return valid(request) ? yes(`${policy.canonical(request)}\0`) : no('EINVAL');
    if (!valid(source) || !valid(target)) return no('EINVAL');
    if (path === 'access') return yes(access(source, target, Number(number)));
    const tclass = classes[Number(number) - 1] ?? '';
    const computed =
      path === 'relabel'
        ? policy.computeChange(source, target, tclass)
        : path === 'member'
          ? policy.computeMember(source, target, tclass)
          : policy.computeTransition(source, target, tclass, name && decodeURIComponent(name));
    if (computed.ok) return yes(`${computed.context}\0`);
    if (computed.context === undefined) return no('EINVAL');
    return fake.enforcing ? no('EACCES') : yes(`${computed.context}\0`);
  };

  const write = (path: string, request: string): Reply<undefined> => {
    if (path !== 'validatetrans') return yes(undefined);
    const [before = '', after = '', number = '', task = ''] = request.split(' ');
    const tclass = inForce.classes[Number(number) - 1] ?? '';
    const validation = inForce.policy.validateTransition(before, after, task, tclass);
    if (validation.ok) return yes(undefined);
    return no(validation.reason === 'CONS' ? 'EPERM' : 'EINVAL');
  };

  const fake: FakeSelinuxfs = {
    opened,
    instead,
    enforcing: true,
    loadLater(next, shownAt, inForceAt) {
      load = { next, shownAt: opened.length + shownAt, inForceAt: opened.length + inForceAt };
    },
    read(path) {
      open(path);
      const reply = instead.get(path) ?? textOf(path);
      return reply.ok ? yes(Buffer.from(reply.value, 'latin1')) : reply;
    },
    readPieces(path, pieces) {
      open(path);
      const reply = instead.get(path) ?? no('ENOENT');
      if (!reply.ok) return reply;
      const bytes = Buffer.from(reply.value, 'latin1');
      return yes(pieces.map(({ offset, length }) => bytes.subarray(offset, offset + length)));
    },
    write(path, request) {
      open(path);
      const reply = instead.get(path);
      return reply === undefined ? write(path, request) : reply.ok ? yes(undefined) : reply;
    },
    transact(path, request) {
      open(path);
      return instead.get(path) ?? answer(path, request);
    },
    list(path) {
      open(path);
      const [folder, name = ''] = path.split('/');
      if (folder === 'booleans') return yes([...shown.policy.booleans.keys()]);
      return folder === 'class' ? yes([...permsOf(name)].sort()) : no('ENOENT');
    },
  };
  return fake;
}
