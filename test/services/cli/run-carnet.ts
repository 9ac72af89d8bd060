import { runCarnet } from '../../../services/cli/program.ts';
import type { Connect } from '../../../services/cli/session.ts';

/** What a command line said, and its exit status. */
export interface Said {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const noConnection: Connect = () => Promise.reject(new Error('this command connects to nothing'));

/** Runs a command line in this process, its streams caught. `interrupt` is called back with what Ctrl-C would do. */
export async function carnet(
  argv: readonly string[],
  options: {
    connect?: Connect;
    env?: Record<string, string>;
    terminal?: boolean;
    onListening?: (interrupt: () => void) => void;
    /** What the person at the terminal answers. */
    answers?: string;
  } = {},
): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const isTTY = options.terminal === true;
  const status = await runCarnet(
    argv,
    {
      stdout: { isTTY, columns: 100, write: (text) => out.push(text) },
      stderr: { isTTY, columns: 100, write: (text) => err.push(text) },
      env: options.env ?? {},
      nowMs: () => 0,
      onInterrupt(callback) {
        options.onListening?.(callback);
        return () => undefined;
      },
      ...(options.answers === undefined ? {} : { ask: async () => options.answers ?? '' }),
    },
    options.connect ?? noConnection,
  );
  return { status, stdout: out.join(''), stderr: err.join('') };
}
