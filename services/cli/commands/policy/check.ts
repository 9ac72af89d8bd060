import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { Diagnostic, LoadedPolicy } from '../../../../policy/policy.ts';
import type { Session } from '../../session.ts';
import type { CommandForm } from '../register.ts';

interface CheckOptions {
  readonly stats?: boolean;
}

export const checkForm: CommandForm<CheckOptions> = {
  usage: 'check <file>',
  summary: 'load a policy file and say what is wrong with it, and where',
  details: 'The file may be source or binary. Exit status 0 when it loads, warnings or not; 1 when it does not.',
  options: [new Option('--stats', 'what the policy has, counted as seinfo does')],
  examples: ['carnet policy check policy.conf', 'carnet policy check policy.conf --stats -o json'],
  async run(session, [file = ''], options) {
    const { readPolicyFile } = await import('../../../../policy/read-policy-file.ts');
    const loaded = readPolicyFile(file);
    const diagnostics = loaded.ok ? loaded.warnings : loaded.diagnostics;
    const statistics = loaded.ok && options.stats === true ? await countsOf(loaded.policy) : undefined;
    if (session.format === 'table') {
      await printFindings(session, file, diagnostics);
      const digest = loaded.ok ? ` ${session.style.dim(`sha256 ${loaded.policy.digest}`)}` : '';
      const verdict = loaded.ok ? session.style.good('✓ loads') : session.style.bad('✗ does not load');
      session.print(`${verdict}: ${file}${digest}\n`);
      if (statistics !== undefined) {
        const { renderStatistics } = await import('../../render/policy/statistics.ts');
        session.print(renderStatistics(statistics, session.style));
      }
    } else {
      const { printMachine } = await import('../../render/policy/machine.ts');
      const policy = loaded.ok ? { digest: loaded.policy.digest, mls: loaded.policy.mls } : {};
      const verdict = loaded.ok ? 'loads' : 'does not load';
      const counted = statistics === undefined ? {} : { statistics };
      await printMachine(session, verdict, { file, loads: loaded.ok, verdict, ...policy, ...counted, diagnostics });
    }
    return loaded.ok ? undefined : { is: 'no', status: 1 };
  },
};

async function countsOf(policy: LoadedPolicy): Promise<Readonly<Record<string, number>>> {
  const { countPolicy } = await import('../../../../policy/search/statistics.ts');
  return countPolicy(policy);
}

async function printFindings(session: Session, file: string, diagnostics: readonly Diagnostic[]): Promise<void> {
  if (diagnostics.length === 0) return;
  const { renderDiagnostic } = await import('../../render/diagnostic.ts');
  const text = await readFile(file, 'utf8').catch(() => '');
  for (const one of diagnostics) session.print(renderDiagnostic(one, lineOf(text, one), session.style));
}

/** The line of the text a diagnostic is about: found by its span, as `#line` marks may name another file. */
function lineOf(text: string, diagnostic: Diagnostic): string | undefined {
  if (text === '' || diagnostic.span.start > text.length) return undefined;
  const from = text.lastIndexOf('\n', diagnostic.span.start - 1) + 1;
  const to = text.indexOf('\n', from);
  return text.slice(from, to < 0 ? undefined : to);
}
