import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { registerAudit } from './commands/audit.ts';
import { registerCheckpoint } from './commands/checkpoint.ts';
import { registerDemo } from './commands/demo.ts';
import { registerEnrol } from './commands/enrol.ts';
import { registerExplain } from './commands/explain.ts';
import { registerFleet } from './commands/fleet.ts';
import { registerHost } from './commands/host.ts';
import { registerJob } from './commands/job.ts';
import { registerOperation } from './commands/operation.ts';
import { registerPolicy } from './commands/policy.ts';
import { addGlobalOptions, type Registry } from './commands/register.ts';
import { registerVm } from './commands/vm.ts';
import type { Io } from './io.ts';
import { type Ending, endingJson, exitOf, exits, renderEnding } from './render/fault.ts';
import { styleFor } from './render/style.ts';
import type { Connect, GlobalOptions } from './session.ts';

const exitHelp = `
Exit status: 0 done, 1 error, 2 usage, 3 partial, 4 not found, 5 conflict, 6 timeout, 7 bus or peer,
8 refused by policy, 9 integrity, 10 incompatible host, 130 detached or cancelled. Any other is a failure.
With -o json errors are one JSON object on stderr.`;

/** The version of this clone, as its package.json says. */
const version = (): string =>
  String(
    (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: unknown }).version,
  );

/** The whole command line as commander knows it. Nothing is loaded for a command until it runs. */
export function buildProgram(registry: Registry): Command {
  const { io } = registry;
  const program = new Command('carnet')
    .description('Migrate, save and restore virtual machines under mandatory access control.')
    .version(version(), '--version', 'print the version')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .addHelpText('after', exitHelp);
  addGlobalOptions(program);
  registerFleet(program, registry);
  registerHost(program, registry);
  registerVm(program, registry);
  registerCheckpoint(program, registry);
  registerJob(program, registry);
  registerOperation(program, registry);
  registerExplain(program, registry);
  registerPolicy(program, registry);
  registerAudit(program, registry);
  registerEnrol(program, registry);
  registerDemo(program, registry);
  return program;
}

/** What a client is made of is loaded only for a command that needs one. */
const connectLater: Connect = async (io, options) => (await import('./client/connect.ts')).connectClient(io, options);

/** Runs one command line and answers with its exit status. Everything it says goes to `io`. */
export async function runCarnet(argv: readonly string[], io: Io, connect: Connect = connectLater): Promise<number> {
  let status: number = exits.ok;
  const program = buildProgram({
    io,
    connect,
    end(ending, options) {
      if (ending === undefined) return;
      status = exitOf(ending);
      sayEnding(ending, options, io);
    },
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exits.ok : exits.usage;
  }
}

function sayEnding(ending: Ending, options: GlobalOptions, io: Io): void {
  const machine = options.json === true || options.output === 'json' || options.output === 'jsonl';
  const json = machine ? endingJson(ending) : undefined;
  io.stderr.write(json === undefined ? renderEnding(ending, styleFor(io.stderr, io.env)) : `${JSON.stringify(json)}\n`);
}
