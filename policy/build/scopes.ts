import type { Span } from '../language/ast.ts';
import type { Names } from '../policydb/policydb.ts';
import type { Block } from './blocks.ts';
import type { Build } from './builder.ts';

/** Where a name that is not known everywhere is known: in blocks that declare or require it, and what is nested there. */
export interface LocalName {
  /** Undefined as long as the name is only required. */
  declaredIn: Block | undefined;
  readonly knownIn: Set<Block>;
}

/** Notes that the current block declares the name; `isNew` when nothing had that name before. */
export function noteDeclared(build: Build, names: Names, name: string, isNew: boolean): void {
  const { block } = build;
  const local = localName(build, names, name);
  if (local !== undefined) {
    local.declaredIn ??= block;
    local.knownIn.add(block);
  } else if (isNew && block.parent !== undefined) {
    addLocal(build, names, name, { declaredIn: block, knownIn: new Set([block]) });
  }
}

/** Notes that the current block requires the name. */
export function noteRequired(build: Build, names: Names, name: string, isNew: boolean): void {
  const local = localName(build, names, name);
  if (local !== undefined) local.knownIn.add(build.block);
  else if (isNew) addLocal(build, names, name, { declaredIn: undefined, knownIn: new Set([build.block]) });
}

/** True while no statement has declared the name, and some block requires it. */
export function isOnlyRequired(build: Build, names: Names, name: string): boolean {
  const local = localName(build, names, name);
  return local !== undefined && local.declaredIn === undefined;
}

/** The block that declares a name which is not known everywhere. */
export function localName(build: Build, names: Names, name: string): LocalName | undefined {
  return build.local.size === 0 ? undefined : build.local.get(names)?.get(name);
}

/** True when the current block, or one around it, declares or requires the name. */
export function isKnownHere(build: Build, names: Names, name: string): boolean {
  const local = localName(build, names, name);
  if (local === undefined) return true;
  for (let block: Block | undefined = build.block; block !== undefined; block = block.parent) {
    if (local.knownIn.has(block)) return true;
  }
  return false;
}

/** An `else` may neither declare nor require. Answers false after an error. */
export function mayDeclareHere(build: Build, span: Span, what: string, name: string): boolean {
  if (build.block.insteadOf === undefined) return true;
  build.report.error(span, `the ${what} \`${name}\` is declared or required in an \`else\``, {
    name,
    hint: 'move the statement out of the `else`',
  });
  return false;
}

function addLocal(build: Build, names: Names, name: string, local: LocalName): void {
  const known = build.local.get(names);
  if (known === undefined) build.local.set(names, new Map([[name, local]]));
  else known.set(name, local);
}
