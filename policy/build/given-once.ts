import type { Statement } from '../language/ast.ts';
import { type Diagnostics, SILENT } from '../language/diagnostics.ts';
import type { Block, Section } from './blocks.ts';
import { type Build, createBuild, type Target } from './builder.ts';

/** Role transitions and rules by file name: one with a key may stand in the text, in whichever block. */
function mayStandOnce(statement: Statement): boolean {
  return statement.kind === 'role_transition' || (statement.kind === 'typeRule' && statement.fileName !== undefined);
}

/**
 * Reports the statements of which there may be one only. Checkpolicy compares them as it reads them: what is dropped
 * counts, and attributes have the types that they are given outside of optionals.
 */
export function checkGivenOnce(
  diagnostics: Diagnostics,
  target: Target,
  sections: readonly Section[],
  everything: Block,
  passes: {
    readonly declare: (build: Build, sections: readonly Section[]) => void;
    readonly resolve: (build: Build, sections: readonly Section[]) => void;
  },
): void {
  const asked = sections.map(({ block, statements }) => ({ block, statements: statements.filter(mayStandOnce) }));
  if (asked.every(({ statements }) => statements.length === 0)) return;
  const build = createBuild(SILENT, target, everything, diagnostics);
  passes.declare(
    build,
    sections.map((section) => (section.block === everything ? section : withoutAttributes(section))),
  );
  passes.resolve(build, asked);
}

function withoutAttributes({ block, statements }: Section): Section {
  const kept = statements.filter(({ kind }) => kind !== 'typeattribute');
  return { block, statements: kept.map((one) => (one.kind === 'type' ? { ...one, attributes: [] } : one)) };
}
