import { parentPort, workerData } from 'node:worker_threads';
import { readBytesAgain } from '../policy-file.ts';
import { obtainForm } from './obtain.ts';
import type { WorkerResult, WorkerTask } from './worker-messages.ts';

/* The thread of `loadPolicyInWorker`: obtains one form and ends. */

const { path, cacheDirectory } = workerData as WorkerTask;
const obtained = await obtainForm(path, cacheDirectory);
if (obtained.ok) {
  const { form, digest, warnings, source = readBytesAgain(path, digest) } = obtained;
  const result: WorkerResult = { ok: true, form, source, digest, warnings };
  parentPort?.postMessage(result, source === undefined ? [form.buffer] : [form.buffer, source.buffer]);
} else {
  parentPort?.postMessage(obtained satisfies WorkerResult);
}
