import type { CommandAccess } from '../policy.ts';
import type { Context } from '../policydb/context.ts';
import { listAt } from '../policydb/lists.ts';
import { findXperms } from '../policydb/xperm-table.ts';
import { computeAccess } from './compute-av.ts';
import { removedBy } from './explain.ts';
import type { State } from './state.ts';

/**
 * One command of the permission with bit `operation`, as the kernel's avc_has_extended_perms decides it: the access
 * vector first; then, where any rule is about commands of the permission, only a command that one of them allows. The
 * kernel looks at the low 16 bits.
 */
export function computeCommand(
  state: State,
  source: Context,
  target: Context,
  tclass: number,
  operation: number,
  command: number,
): CommandAccess {
  const { types, xperms } = state.db;
  const access = computeAccess(state, source, target, tclass);
  const sources = listAt(types.attributesOf, source.type);
  const targets = listAt(types.attributesOf, target.type);
  const says = findXperms(xperms, sources, targets, tclass, operation, command & 0xffff);
  const { ruled } = says;
  const reason = removedBy(access, operation) ?? (ruled && !says.allowed ? 'TE' : undefined);
  if (reason !== undefined) {
    return { allowed: false, audited: (access.auditdeny & operation) !== 0 && !says.dontaudit, ruled, reason };
  }
  return { allowed: true, audited: (access.auditallow & operation) !== 0 && (!ruled || says.auditallow), ruled };
}
