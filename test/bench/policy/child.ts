import { join } from 'node:path';
import { runToEnd } from '../measure.ts';

const script = join(import.meta.dirname, 'load-once.ts');
/** Asks libsepol in a process of its own; see there. */
export const libsepolScript = join(import.meta.dirname, '../../support/policy/libsepol.py');

/** As services/cli/carnet starts Node. */
const nodeOptions = ['--min-semi-space-size=4', '--max-semi-space-size=4'];
const tunables = 'glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.top_pad=4194304';

/**
 * Loads a policy in a new process; see load-once.ts. The process is started as the command line is, with a folder of
 * compiled code that is the bench's own: the first load of a kind fills it and is not measured.
 */
export function createLoadOnce(codeFolder: string) {
  return (mode: 'source' | 'binary' | 'compiled', ...args: string[]): { ms: number; peakMb: number } => {
    const env = { NODE_COMPILE_CACHE: codeFolder, GLIBC_TUNABLES: tunables };
    const output = runToEnd(process.execPath, [...nodeOptions, script, mode, ...args], { env });
    return JSON.parse(output) as { ms: number; peakMb: number };
  };
}

/** Has libsepol do something with a binary policy, and answers the number it writes. */
export function askLibsepol(binary: string, mode: string, input = ''): number {
  return Number(runToEnd('/usr/bin/python3', [libsepolScript, binary, mode], { input }));
}
