import type { Conditional, Require, RequiredKind, Span, Statement } from '../language/ast.ts';

/**
 * A part of the policy with names of its own: the whole of it (without a parent), or one side of an optional.
 */
export interface Block {
  readonly parent: Block | undefined;
  /** For an `else`: the side it stands in for. */
  readonly insteadOf: Block | undefined;
  readonly required: readonly Requirement[];
}

export interface Requirement {
  readonly kind: RequiredKind;
  readonly name: string;
  readonly span: Span;
}

/** Statements in a row that stand in one block. */
export interface Section {
  readonly block: Block;
  readonly statements: readonly Statement[];
}

/** The statements of a policy in source order, cut where optionals begin and end, and the blocks in the order they begin. */
export interface Layout {
  readonly sections: readonly Section[];
  readonly blocks: readonly Block[];
}

/** Takes the optionals apart. A policy without them is one section, its statements as they are. */
export function layOut(statements: readonly Statement[]): Layout {
  const sections: Section[] = [];
  const blocks: Block[] = [];
  const enter = (inside: readonly Statement[], parent: Block | undefined, insteadOf: Block | undefined): Block => {
    const required: Requirement[] = [];
    const block: Block = { parent, insteadOf, required };
    blocks.push(block);
    let from = 0;
    for (let at = 0; at < inside.length; at++) {
      const statement = inside[at];
      if (statement?.kind === 'require' || statement?.kind === 'if') required.push(...requirementsOf(statement));
      if (statement?.kind !== 'optional') continue;
      if (at > from) sections.push({ block, statements: inside.slice(from, at) });
      from = at + 1;
      const first = enter(statement.then, block, undefined);
      if (statement.else !== undefined) enter(statement.else, block, first);
    }
    if (from < inside.length) sections.push({ block, statements: from === 0 ? inside : inside.slice(from) });
    return block;
  };
  enter(statements, undefined, undefined);
  return { sections, blocks };
}

/** Every `require` in the statement: a `require` inside an `if` is one of the block around it. */
export function requiresOf(statement: Statement): readonly Require[] {
  if (statement.kind === 'require') return [statement];
  return statement.kind === 'if' ? [...statement.then, ...statement.else].filter(isRequire) : NONE;
}

const NONE: readonly Require[] = [];

function isRequire(rule: Conditional['then'][number]): rule is Require {
  return rule.kind === 'require';
}

function requirementsOf(statement: Statement): Requirement[] {
  return requiresOf(statement).flatMap((require) =>
    require.symbols.flatMap((symbols) =>
      symbols.kind === 'class' ? [] : symbols.names.map((name) => ({ kind: symbols.kind, name, span: require })),
    ),
  );
}

/**
 * The blocks that are in force (libsepol's enable_avrules): a block whose requirements, and those of the blocks around
 * it, are met, and every `else` whose other side is not. `declaredIn` is the block that declares what is required, or
 * undefined when none does.
 */
export function blocksInForce(
  blocks: readonly Block[],
  declaredIn: (requirement: Requirement) => Block | undefined,
): Set<Block> {
  const inForce = new Set(blocks.filter((block) => block.insteadOf === undefined));
  const dependants = new Map<Block, Block[]>();
  const failed: Block[] = [];
  for (const block of inForce) {
    const needs = block.required.map(declaredIn);
    if (needs.includes(undefined)) failed.push(block);
    for (const need of [...needs, nextAround(block)]) {
      if (need === undefined || need === block) continue;
      const known = dependants.get(need);
      if (known === undefined) dependants.set(need, [block]);
      else known.push(block);
    }
  }
  for (let block = failed.pop(); block !== undefined; block = failed.pop()) {
    if (inForce.delete(block)) failed.push(...(dependants.get(block) ?? []));
  }
  for (const block of blocks) {
    if (block.insteadOf !== undefined && !inForce.has(block.insteadOf)) inForce.add(block);
  }
  return inForce;
}

/** True for a block in force inside one that is not: an `else` does not ask what is around it, so this happens. */
export function outlivesSurroundings(block: Block, inForce: ReadonlySet<Block>): boolean {
  for (let around = block.parent; around !== undefined; around = around.parent) if (!inForce.has(around)) return true;
  return false;
}

/** The block whose requirements this one inherits. An `else` requires nothing itself, and is looked through. */
function nextAround(block: Block): Block | undefined {
  let around = block.parent;
  while (around?.insteadOf !== undefined) around = around.parent;
  return around;
}
