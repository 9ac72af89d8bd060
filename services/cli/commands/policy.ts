import type { Command } from 'commander';
import type { Diagnostic } from '../../../policy/policy.ts';
import type { Ending } from '../render/fault.ts';
import type { Session } from '../session.ts';
import { type Registry, register, registerNoun } from './register.ts';

export function registerPolicy(program: Command, registry: Registry): void {
  const noun = registerNoun(program, 'policy', 'policy files');
  register(noun, registry, {
    usage: 'check <file>',
    summary: 'load a policy file and say what is wrong with it, and where',
    details: 'Needs no fleet. Exit status 0 when it loads, warnings or not; 1 when it does not.',
    examples: ['carnet policy check policy.conf', 'carnet policy check policy.conf -o jsonl'],
    run: (session, [file]) => checkFile(session, file ?? ''),
  });
  register(noun, registry, {
    usage: 'build <host-policy>',
    summary: 'print the shipped policy for one kind of host, expanded by m4',
    details:
      'The kinds are the files of policy/modules/hosts. The result is what a host loads, and what checkpolicy compiles.',
    examples: ['carnet policy build accepting > policy.conf'],
    async run(session, [host]) {
      const { buildPolicy } = await import('../../../policy/build-modules.ts');
      session.print((await buildPolicy({ host: host ?? '' })).text);
      return undefined;
    },
  });
}

async function checkFile(session: Session, file: string): Promise<Ending | undefined> {
  const [{ readFile }, { readPolicyFile }] = await Promise.all([
    import('node:fs/promises'),
    import('../../../policy/read-policy-file.ts'),
  ]);
  const loaded = readPolicyFile(file);
  const diagnostics = loaded.ok ? loaded.warnings : loaded.diagnostics;
  if (session.format === 'table') {
    const { renderDiagnostic } = await import('../render/diagnostic.ts');
    const text = diagnostics.length === 0 ? '' : await readFile(file, 'utf8').catch(() => '');
    for (const one of diagnostics) session.print(renderDiagnostic(one, lineOf(text, one), session.style));
    const digest = loaded.ok ? ` ${session.style.dim(`sha256 ${loaded.policy.digest}`)}` : '';
    const verdict = loaded.ok ? session.style.good('✓ loads') : session.style.bad('✗ does not load');
    session.print(`${verdict}: ${file}${digest}\n`);
  } else {
    await session.list({
      key: 'diagnostics',
      rows: diagnostics,
      columns: [],
      name: (one) => `${one.file}:${one.line}:${one.column}`,
      empty: '',
    });
  }
  return loaded.ok ? undefined : { is: 'no', status: 1 };
}

/** The line of the text a diagnostic is about: found by its span, as `#line` marks may name another file. */
function lineOf(text: string, diagnostic: Diagnostic): string | undefined {
  if (text === '' || diagnostic.span.start > text.length) return undefined;
  const from = text.lastIndexOf('\n', diagnostic.span.start - 1) + 1;
  const to = text.indexOf('\n', from);
  return text.slice(from, to < 0 ? undefined : to);
}
