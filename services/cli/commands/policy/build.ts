import { Option } from 'commander';
import type { CommandForm } from '../register.ts';

interface BuildOptions {
  readonly host?: string;
}

export const buildForm: CommandForm<BuildOptions> = {
  usage: 'build [dir]',
  summary: 'print the policy that a folder of modules makes, expanded by m4',
  details:
    'The folder is laid out as policy/modules, which is taken when none is given: support/ has macros, base/ the numbered parts every policy has, modules/ the rules, hosts/ a file for each kind of host. The result is what a host loads, and what checkpolicy compiles.',
  options: [
    new Option('--host <kind>', 'the kind of host, a file of hosts/ (default: accepting, or the only one there is)'),
  ],
  examples: ['carnet policy build > policy.conf', 'carnet policy build ./modules --host accepting > policy.conf'],
  async run(session, [modulesDir], { host }) {
    const { buildPolicy } = await import('../../../../policy/build-modules.ts');
    const built = await buildPolicy({
      ...(modulesDir === undefined ? {} : { modulesDir }),
      ...(host === undefined ? {} : { host }),
    });
    await session.show({ key: 'policy', value: built, name: built.host, table: () => built.text });
    return undefined;
  },
};
