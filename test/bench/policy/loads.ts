import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebianPolicy } from '../../support/policy/debian.ts';
import { inTurns, median } from '../measure.ts';
import type { Figure } from '../report.ts';
import { askLibsepol, loadOnce } from './child.ts';

const rounds = 9;

/** Loads that a new process makes, code that has not run before included. */
export async function measureLoads({ source, binary }: DebianPolicy): Promise<Figure[]> {
  const cache = await mkdtemp(join(tmpdir(), 'carnet-bench-'));
  try {
    const read = inTurns(
      rounds,
      () => loadOnce('binary', binary).ms,
      () => askLibsepol(binary, 'load') / 1e6,
    );
    loadOnce('compiled', source, cache);
    const opened = Array.from({ length: rounds }, () => loadOnce('compiled', source, cache));
    return [
      { name: 'load binary policy', unit: 'ms', ...read, against: 'libsepol', aim: { of: 'ratio', atMost: 1 } },
      {
        name: 'load own compiled form',
        unit: 'ms',
        ours: median(opened.map(({ ms }) => ms)),
        aim: { of: 'ours', atMost: 50 },
      },
      { name: 'load own compiled form, peak memory', unit: 'MB', ours: Math.max(...opened.map((one) => one.peakMb)) },
    ];
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}
