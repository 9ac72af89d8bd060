import { once } from 'node:events';
import { faultOf } from '../../shared/errors/broker-error.ts';
import { faultCodes } from '../../shared/errors/codes.ts';
import { parseCommand } from './usage.ts';

const ended = () => Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);

try {
  const command = parseCommand(process.argv.slice(2));
  // Loaded after the command line was read: the libraries behind it take longer than a wrong option should.
  const { runCommand } = await import('./commands.ts');
  process.stdout.write(await runCommand(command, ended));
} catch (error) {
  const { code, message, hint } = faultOf(error);
  process.stderr.write(`carnet-authority: ${message} (${code})\n${hint === undefined ? '' : `${hint}\n`}`);
  process.exitCode = faultCodes[code].exit;
}
