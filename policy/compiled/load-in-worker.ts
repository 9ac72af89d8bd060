import { Worker } from 'node:worker_threads';
import type { LoadOptions } from '../load.ts';
import type { Loaded } from '../policy.ts';
import { cannotRead } from '../policy-file.ts';
import { readCheckedAnswers } from './content.ts';
import { openForm } from './open.ts';
import type { WorkerResult, WorkerTask } from './worker-messages.ts';

export interface WorkerLoadOptions extends LoadOptions {
  /** The folder of compiled forms; without one nothing is kept. */
  readonly cacheDirectory?: string | undefined;
  /** How long the thread may take; two minutes unless given. Debian's policy takes seconds. */
  readonly timeoutMsMax?: number;
}

/** The memory the thread's own objects may take, in MiB: more is a policy beyond all limits. */
const heapMibMax = 4096;
/** A compiled policy stays; with more room for what is short-lived, more time goes into page faults. */
const youngMibMax = 12;

/**
 * Loads a policy's file like `readPolicyFile`, with the same answers, on a thread of its own: this thread goes on
 * answering and in the end only makes views on what the other hands over. The file's bytes are kept to show rules from.
 * Never rejects: a thread that fails or takes too long is a diagnostic.
 */
export async function loadPolicyInWorker(path: string, options: WorkerLoadOptions = {}): Promise<Loaded> {
  try {
    const { cacheDirectory, timeoutMsMax = 120_000 } = options;
    const result = await runWorker({ path, cacheDirectory }, timeoutMsMax);
    if (!result.ok) return result;
    const { form, source, digest, warnings } = result;
    const open = { first: form.first, answers: readCheckedAnswers(form.first), second: () => form.second };
    const loaded = openForm(open, { path, digest, source: () => source }, options);
    return loaded.ok ? { ...loaded, warnings: [...loaded.warnings, ...warnings] } : loaded;
  } catch (error) {
    return { ok: false, diagnostics: [cannotRead(path, error)] };
  }
}

/** Runs the thread until it has answered, and not longer than the limit. */
function runWorker(task: WorkerTask, timeoutMsMax: number): Promise<WorkerResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: heapMibMax, maxYoungGenerationSizeMb: youngMibMax },
    });
    const timer = setTimeout(() => {
      reject(new Error(`not compiled within ${timeoutMsMax} ms`));
      void worker.terminate();
    }, timeoutMsMax);
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the thread ended with ${code} and no answer`));
    });
  });
}
