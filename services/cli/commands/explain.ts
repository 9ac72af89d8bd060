import type { Command } from 'commander';
import { type Registry, register, registerNoun } from './register.ts';
import { checkpointRemove, type Verb, type VerbOptions, vmVerbs } from './verbs.ts';

/** `explain <verb> …`: every verb that changes something, asked about without doing it. */
export function registerExplain(program: Command, registry: Registry): void {
  const noun = registerNoun(program, 'explain', 'say what would be decided, and by which rules, without doing it');
  const verbs: readonly Verb[] = [
    ...vmVerbs,
    {
      ...checkpointRemove,
      name: 'checkpoint-rm',
      usage: 'checkpoint-rm <checkpoint>',
      example: `checkpoint-${checkpointRemove.example}`,
    },
  ];
  for (const verb of verbs) {
    register<VerbOptions>(noun, registry, {
      usage: verb.usage,
      summary: `would I be allowed to: ${verb.summary}`,
      details: 'Exit status 0 when it would be allowed, 8 when it would be refused.',
      options: verb.options,
      examples: [`carnet explain ${verb.example}`],
      async run(session, args, options) {
        const { explain } = await import('./explained.ts');
        return explain(session, await verb.intent(args, options));
      },
    });
  }
}
