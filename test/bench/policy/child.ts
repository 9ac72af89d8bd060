import { join } from 'node:path';
import { runToEnd } from '../measure.ts';

const script = join(import.meta.dirname, 'load-once.ts');
/** Asks libsepol in a process of its own; see there. */
export const libsepolScript = join(import.meta.dirname, '../../support/policy/libsepol.py');

/** Loads a policy in a new process; see load-once.ts. */
export function loadOnce(mode: 'source' | 'binary' | 'compiled', ...args: string[]): { ms: number; peakMb: number } {
  return JSON.parse(runToEnd(process.execPath, ['--max-semi-space-size=4', script, mode, ...args])) as {
    ms: number;
    peakMb: number;
  };
}

/** Has libsepol do something with a binary policy, and answers the number it writes. */
export function askLibsepol(binary: string, mode: string, input = ''): number {
  return Number(runToEnd('/usr/bin/python3', [libsepolScript, binary, mode], input));
}
