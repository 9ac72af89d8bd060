import { processIo } from './io.ts';
import { runCarnet } from './program.ts';

// A reader that has seen enough, such as `head`, is no error of ours. What has something to end first is told as by Ctrl-C.
let isRead = true;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (process.listenerCount('SIGINT') === 0) process.exit(0);
  if (isRead) process.kill(process.pid, 'SIGINT');
  isRead = false;
});
process.exitCode = await runCarnet(process.argv.slice(2), processIo);
