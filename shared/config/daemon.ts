import { parseArgs } from 'node:util';
import { BrokerError, faultOf } from '../errors/broker-error.ts';
import { faultCodes } from '../errors/codes.ts';

/**
 * Runs a program that serves, with the arguments after its name. What goes wrong is told on stderr as the command line
 * tells it, `carnet-NAME: what [CODE]` and a hint below, and ends the process with the exit status of that code.
 */
export async function runDaemon(name: string, main: (args: readonly string[]) => Promise<void>): Promise<void> {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    const { code, message, hint } = faultOf(error);
    process.stderr.write(`carnet-${name}: ${message} [${code}]\n${hint === undefined ? '' : `  ${hint}\n`}`);
    // What was opened before it went wrong would keep the process.
    process.exit(faultCodes[code].exit);
  }
}

/** The file named by `--config FILE`, which is all there may be, else `usual`. USAGE_INVALID. */
export function configFileOf(args: readonly string[], usual: string): string {
  try {
    return parseArgs({ args: [...args], options: { config: { type: 'string' } } }).values.config ?? usual;
  } catch (cause) {
    throw new BrokerError('USAGE_INVALID', firstSentence(cause), { cause, hint: `usage: --config FILE (${usual})` });
  }
}

/** What parseArgs says goes on with advice about positional arguments, of which there are none here. */
const firstSentence = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split(/\. |\n/, 1)[0] ?? '';
