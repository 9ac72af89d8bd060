import { createInterface } from 'node:readline/promises';

/** A stream that is written to: process.stdout, process.stderr, or a test's. */
export interface Sink {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Everything of the outside that the command line touches by itself. */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  nowMs(): number;
  /** Calls back at Ctrl-C or SIGTERM instead of ending the process, until the answer is called. */
  onInterrupt(callback: () => void): () => void;
  /** Asks the person at the terminal for a line; absent where there is none. */
  readonly ask?: (question: string) => Promise<string>;
}

/** The process's own streams, environment and signals. */
export const processIo: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  nowMs: () => Date.now(),
  onInterrupt(callback) {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.on(signal, callback);
    return () => {
      for (const signal of signals) process.off(signal, callback);
    };
  },
  ...(process.stdin.isTTY ? { ask: askAtTerminal } : {}),
};

async function askAtTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}
