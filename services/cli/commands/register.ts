import { type Command, Option } from 'commander';
import type { Io } from '../io.ts';
import type { Ending } from '../render/fault.ts';
import { outputFormats } from '../render/output.ts';
import { type Connect, type GlobalOptions, type Session, withSession } from '../session.ts';

/** What a command is, in the words of its help. */
export interface CommandForm<Options> {
  /** The command and its arguments as commander writes them: `migrate <vm> <host>`. */
  readonly usage: string;
  readonly summary: string;
  /** More than the summary says, where there is more. */
  readonly details?: string;
  readonly options?: readonly Option[];
  /** Whole command lines, as a person would type them. At least one. */
  readonly examples: readonly [string, ...string[]];
  /** `args` are the arguments in order, absent optional ones as undefined. */
  run(session: Session, args: readonly (string | undefined)[], options: Options): Promise<Ending | undefined>;
}

/** Where commands are registered: a noun's command, the streams, and where an ending goes. */
export interface Registry {
  readonly io: Io;
  readonly connect: Connect;
  end(ending: Ending | undefined, options: GlobalOptions): void;
}

/** Makes a command of a form, under `parent`. Its global options may stand before or after its name. */
export function register<Options extends object = object>(
  parent: Command,
  registry: Registry,
  form: CommandForm<Options>,
): Command {
  const command = parent.command(form.usage).summary(form.summary).description(describe(form));
  for (const option of form.options ?? []) command.addOption(option);
  command.addHelpText('after', `\nExamples:\n${form.examples.map((line) => `  $ ${line}`).join('\n')}`);
  command.action(async () => {
    const options = command.optsWithGlobals<GlobalOptions & Options>();
    const args = command.registeredArguments.map((_argument, at) => command.processedArgs[at] as string | undefined);
    registry.end(
      await withSession(registry.io, registry.connect, options, (session) => form.run(session, args, options)),
      options,
    );
  });
  return command;
}

function describe(form: { summary: string; details?: string }): string {
  const sentence = `${form.summary.charAt(0).toUpperCase()}${form.summary.slice(1)}.`;
  return form.details === undefined ? sentence : `${sentence}\n\n${form.details}`;
}

/** A noun: `vm`, `checkpoint` … without a verb it prints its help. */
export function registerNoun(program: Command, name: string, summary: string): Command {
  return program.command(name).summary(summary).description(describe({ summary }));
}

/** The options every command takes, on the program itself. */
export function addGlobalOptions(program: Command): void {
  program
    .option('--as <name>', 'act as this client of the fleet on this machine')
    .option('--fleet <dir>', 'the folder of a fleet on this machine (env CARNET_FLEET)')
    .option('--config <file>', 'a client.yaml: where the bus is and who you are (env CARNET_CONFIG)')
    .addOption(new Option('-o, --output <format>', 'how to print the answer').choices(outputFormats).default('table'))
    .option('--json', 'the same as -o json')
    .option('-q, --quiet', 'nothing but the answer and errors');
}
