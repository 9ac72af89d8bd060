import { type Command, Option } from 'commander';
import { type Registry, register } from './register.ts';

interface DemoOptions {
  readonly keep?: boolean;
}

export function registerDemo(program: Command, registry: Registry): void {
  register<DemoOptions>(program, registry, {
    usage: 'demo',
    summary: 'the story of one VM on three hosts, from start to refusal, on this machine',
    details:
      'Makes a fleet in a temporary folder, and checks everything it shows. Exit status 0 only when all was as expected.',
    options: [new Option('--keep', 'keep the folder, with logs, audit trails and checkpoints')],
    examples: ['carnet demo', 'carnet demo --json', 'npm run demo -- --keep'],
    async run(session, _args, options) {
      const { runDemo } = await import('../demo/demo.ts');
      return runDemo(session, { keep: options.keep === true });
    },
  });
}
