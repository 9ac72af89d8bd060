import { processIo } from './io.ts';
import { runCarnet } from './program.ts';

// A reader that has seen enough, such as `head`, is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
process.exitCode = await runCarnet(process.argv.slice(2), processIo);
