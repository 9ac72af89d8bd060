import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebianPolicy } from '../../support/policy/debian.ts';
import { inTurns, median, runToEnd, timeMs } from '../measure.ts';
import type { Figure } from '../report.ts';
import { createLoadOnce } from './child.ts';

const rounds = 7;
const carnet = join(import.meta.dirname, '../../../services/cli/carnet');

/** The source of Debian's policy, by the command line as by checkpolicy; and what of that is the engine's, in a process of its own. */
export async function measureCompile({ source }: DebianPolicy): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'carnet-bench-'));
  try {
    const inside: number[] = [];
    const peaks: number[] = [];
    const ours = (): number => timeMs(() => void runToEnd(carnet, ['policy', 'check', source]));
    const theirs = (): number =>
      timeMs(() => runToEnd('checkpolicy', ['-M', '-U', 'allow', '-o', join(folder, 'policy.bin'), source]));
    const whole = inTurns(rounds, ours, theirs);
    const against = 'checkpolicy';
    const loadOnce = createLoadOnce(join(folder, 'code'));
    loadOnce('source', source);
    for (let round = 0; round < rounds; round++) {
      const once = loadOnce('source', source);
      inside.push(once.ms);
      peaks.push(once.peakMb);
    }
    return [
      { name: 'compile, `carnet policy check`', unit: 'ms', ...whole, against, aim: { of: 'ratio', atMost: 1 } },
      {
        name: 'compile, without the start of the program',
        unit: 'ms',
        ours: median(inside),
        theirs: whole.theirs,
        against,
      },
      { name: 'compile, peak memory', unit: 'MB', ours: Math.max(...peaks), aim: { of: 'ours', atMost: 400 } },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
