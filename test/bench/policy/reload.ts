import { setTimeout as wait } from 'node:timers/promises';
import { type Avc, createAvc } from '../../../policy/avc/avc.ts';
import { loadPolicyInWorker } from '../../../policy/compiled/load-in-worker.ts';
import type { DebianPolicy } from '../../support/policy/debian.ts';
import type { Figure } from '../report.ts';
import { benchQuestions, type Question } from './questions.ts';

const perSecond = 10_000;
const reloads = 5;

/** The longest delay of a decision, and the longest the deciding thread was busy between two looks at the clock, in ms. */
interface Longest {
  readonly delayMs: number;
  readonly busyMs: number;
}

/**
 * Ten thousand decisions a second while the policy is compiled from source and installed, again and again: the longest
 * time from when a decision was due to when it was taken, and the same without a reload. On a machine that has other
 * work both grow; the time of the thread itself shows what of it is ours.
 */
export async function measureReload({ source }: DebianPolicy): Promise<Figure[]> {
  const first = await loadPolicyInWorker(source, { seqno: 1 });
  if (!first.ok) throw new Error(first.diagnostics[0]?.message ?? 'the policy does not load');
  const avc = createAvc();
  avc.install(first.policy);
  const questions = benchQuestions(first.policy, 4000);
  const reloaded = async (): Promise<void> => {
    for (let seqno = avc.seqno + 1, end = seqno + reloads; seqno < end; seqno++) {
      const loaded = await loadPolicyInWorker(source, { seqno });
      if (!loaded.ok || !avc.install(loaded.policy)) throw new Error('the policy did not reload');
    }
  };
  await decideUntil(wait(2000), avc, questions);
  const without = await decideUntil(wait(5000), avc, questions);
  const during = await decideUntil(reloaded(), avc, questions);
  const aim = { of: 'ours', atMost: 50 } as const;
  const against = 'without';
  return [
    {
      name: 'reload, longest decision',
      unit: 'ms',
      ours: during.delayMs,
      theirs: without.delayMs,
      against,
      aim,
    },
    {
      name: 'reload, longest work of the deciding thread',
      unit: 'ms',
      ours: during.busyMs,
      theirs: without.busyMs,
      against,
      aim,
    },
  ];
}

/** Takes decisions when they are due, until `done` is. */
async function decideUntil(done: Promise<void>, avc: Avc, questions: readonly Question[]): Promise<Longest> {
  let running = true;
  // Settled in any case, so that a rejection waits until the loop has ended.
  const ended = done
    .catch((error: unknown) => ({ error }))
    .finally(() => {
      running = false;
    });
  const perms = ['read', 'write', 'getattr', 'open'];
  const start = performance.now();
  let [taken, delayMs, busyMs, before] = [0, 0, 0, threadMs()];
  while (running) {
    await wait(1);
    for (; (taken * 1000) / perSecond < performance.now() - start; taken++) {
      const [source, target, tclass] = questions[taken % questions.length] ?? ['', '', ''];
      avc.has(avc.context(source), avc.context(target), avc.tclass(tclass, perms), 1);
      delayMs = Math.max(delayMs, performance.now() - start - (taken * 1000) / perSecond);
    }
    const now = threadMs();
    busyMs = Math.max(busyMs, now - before);
    before = now;
  }
  const outcome = await ended;
  if (outcome !== undefined) throw outcome.error;
  return { delayMs, busyMs };
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
