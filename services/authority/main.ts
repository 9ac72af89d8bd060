import { once } from 'node:events';
import { runDaemon } from '../../shared/config/daemon.ts';
import { parseCommand } from './usage.ts';

const ended = () => Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);

await runDaemon('authority', async (args) => {
  const command = parseCommand(args);
  // Loaded after the command line was read: the libraries behind it take longer than a wrong option should.
  const { runCommand } = await import('./commands.ts');
  process.stdout.write(await runCommand(command, ended));
});
