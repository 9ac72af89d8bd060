import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebianPolicy } from '../../support/policy/debian.ts';
import { inTurns, median, runToEnd, timeMs } from '../measure.ts';
import type { Figure } from '../report.ts';
import { loadOnce } from './child.ts';

const rounds = 7;

/** The source of Debian's policy: from the start of a process to its end, as checkpolicy does it, and what is ours of that. */
export async function measureCompile({ source }: DebianPolicy): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'carnet-bench-'));
  try {
    const inside: number[] = [];
    const peaks: number[] = [];
    const ours = (): number =>
      timeMs(() => {
        const once = loadOnce('source', source);
        inside.push(once.ms);
        peaks.push(once.peakMb);
      });
    const theirs = (): number =>
      timeMs(() => runToEnd('checkpolicy', ['-M', '-U', 'allow', '-o', join(folder, 'policy.bin'), source]));
    const whole = inTurns(rounds, ours, theirs);
    const against = 'checkpolicy';
    return [
      { name: 'compile, whole process', unit: 'ms', ...whole, against, aim: { of: 'ratio', atMost: 1 } },
      { name: 'compile, without the start of Node', unit: 'ms', ours: median(inside), theirs: whole.theirs, against },
      { name: 'compile, peak memory', unit: 'MB', ours: Math.max(...peaks), aim: { of: 'ours', atMost: 400 } },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
