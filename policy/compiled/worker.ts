import { parentPort, workerData } from 'node:worker_threads';
import { readBytesAgain } from '../policy-file.ts';
import { obtainForm } from './obtain.ts';
import type { WorkerResult, WorkerTask } from './worker-messages.ts';

/* The thread of `loadPolicyInWorker`: obtains one form, checks all of it, hands it over and ends. */

const { path, cacheDirectory } = workerData as WorkerTask;
const obtained = await obtainForm(path, { cacheDirectory, whole: true });
if (obtained.ok) {
  const { digest, warnings, source = readBytesAgain(path, digest) } = obtained;
  const form = { first: obtained.form.first, second: obtained.form.second() };
  const result: WorkerResult = { ok: true, form, source, digest, warnings };
  const buffers = [form.first.buffer, form.second.buffer, ...(source === undefined ? [] : [source.buffer])];
  parentPort?.postMessage(result, buffers);
} else {
  parentPort?.postMessage(obtained satisfies WorkerResult);
}
