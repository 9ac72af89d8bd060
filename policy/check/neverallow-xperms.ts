import type { Build } from '../build/builder.ts';
import { members } from '../build/sets.ts';
import { hasBit } from '../policydb/bitmap.ts';
import { rowClass, rowSource, rowTarget } from '../policydb/key-index.ts';
import { listAt } from '../policydb/lists.ts';
import type { NeverallowXperms } from '../policydb/policydb.ts';
import { commonCommand, eachXpermRule, XPERM_ALLOW } from '../policydb/xperm-table.ts';
import { mayCompare, spanOf } from './report.ts';

/**
 * Where a rule gives the permission, the commands that a neverallowxperm forbids may not be left over: either no
 * allowxperm is about the pair, so that every command may be used, or one allows such a command (libsepol's
 * check_assertion_extended_permissions). A rule inside an `if` gives every command: there are no xperm rules there.
 */
export function checkNeverallowXperms(build: Build): void {
  for (const never of build.db.neverallowXperms) {
    const found = violation(build, never);
    if (found === undefined) continue;
    const { types, classes } = build.db;
    const [source, target] = [types.names[found.source] ?? '', types.names[found.target] ?? ''];
    const of = `${source} ${target}:${classes.names[found.tclass] ?? ''} ioctl`;
    const span = spanOf(build.db, never.statement);
    if (found.command === undefined) {
      build.report.error(span, `\`${of}\` is allowed with every command`, {
        hint: `name the commands it may use in \`allowxperm ${of} { … };\`, or narrow this rule`,
      });
    } else {
      const command = `0x${found.command.toString(16)}`;
      build.report.error(span, `a rule does what this one forbids: \`allowxperm ${of} ${command};\``, {
        hint: 'take the command out of the allowxperm, or narrow this rule',
      });
    }
  }
}

interface Violation {
  readonly source: number;
  readonly target: number;
  readonly tclass: number;
  /** Undefined when the rules name no commands. */
  readonly command: number | undefined;
}

function violation(build: Build, never: NeverallowXperms): Violation | undefined {
  const { access } = build.db;
  const span = spanOf(build.db, never.statement);
  if (!mayCompare(build, span, access.index.pairs.length)) return undefined;
  for (let row = 0; row < access.index.pairs.length; row++) {
    const tclass = rowClass(access.index, row);
    const operation = never.perms.get(tclass);
    if (operation === undefined) continue;
    const always = ((access.allow.data[row] ?? 0) & operation) !== 0;
    if (!always && !sometimes(build, row, operation)) continue;
    const sources = members(build, rowSource(access.index, row)).filter((type) => hasBit(never.sources, type));
    const targets = members(build, rowTarget(access.index, row));
    if (!mayCompare(build, span, sources.length * targets.length)) return undefined;
    for (const source of sources) {
      for (const target of targets) {
        if (never.self ? source !== target : !hasBit(never.targets, target)) continue;
        const command = always ? forbiddenCommand(build, never, source, target, tclass) : { command: undefined };
        if (command !== undefined) return { source, target, tclass, ...command };
      }
    }
  }
  return undefined;
}

function sometimes(build: Build, row: number, operation: number): boolean {
  const { access } = build.db;
  const { branches } = access;
  for (let entry = access.conditional.data[row] ?? -1; entry >= 0; entry = branches.next.data[entry] ?? -1) {
    if (((branches.allow.data[entry] ?? 0) & operation) !== 0) return true;
  }
  return false;
}

function forbiddenCommand(
  build: Build,
  never: NeverallowXperms,
  source: number,
  target: number,
  tclass: number,
): { command: number | undefined } | undefined {
  const { xperms, types } = build.db;
  let ruled = false;
  let command: number | undefined;
  eachXpermRule(xperms, listAt(types.attributesOf, source), listAt(types.attributesOf, target), tclass, (entry) => {
    if (xperms.kind.data[entry] !== XPERM_ALLOW) return;
    ruled = true;
    const list = xperms.lists[xperms.commands.data[entry] ?? 0];
    if (list !== undefined) command ??= commonCommand(list, never.commands);
  });
  return ruled && command === undefined ? undefined : { command };
}
