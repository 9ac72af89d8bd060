import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebianPolicy } from '../../support/policy/debian.ts';
import { inTurns, median } from '../measure.ts';
import type { Figure } from '../report.ts';
import { askLibsepol, createLoadOnce } from './child.ts';

const rounds = 9;

/** Loads that a new process makes, code that has not run before included. */
export async function measureLoads({ source, binary }: DebianPolicy): Promise<Figure[]> {
  const cache = await mkdtemp(join(tmpdir(), 'carnet-bench-'));
  try {
    const loadOnce = createLoadOnce(join(cache, 'code'));
    loadOnce('binary', binary);
    const read = inTurns(
      rounds,
      () => loadOnce('binary', binary).ms,
      () => askLibsepol(binary, 'load') / 1e6,
    );
    const forms = join(cache, 'forms');
    // The first makes the form, the second runs the code that opens one.
    for (let round = 0; round < 2; round++) loadOnce('compiled', source, forms);
    const opened = Array.from({ length: rounds }, () => loadOnce('compiled', source, forms));
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
