import type { LoadOptions } from '../load.ts';
import type { Loaded } from '../policy.ts';
import { readBytesAgain } from '../policy-file.ts';
import { obtainForm } from './obtain.ts';
import { openForm } from './open.ts';

export interface CachedLoadOptions extends LoadOptions {
  /** The folder of compiled forms, made when it is not there; see cache.ts for whose it must be. */
  readonly cacheDirectory: string;
}

/**
 * Loads a policy's file like `readPolicyFile`, with the same answers, but takes its compiled form from the folder where
 * that has one of the same source and code. What explanations need is read when the first one is asked for: the rest of
 * the form, without which explanations throw, and the text of rules from the policy's file, which is empty where the
 * file has changed since. Never rejects.
 */
export async function loadCached(path: string, options: CachedLoadOptions): Promise<Loaded> {
  const obtained = await obtainForm(path, { cacheDirectory: options.cacheDirectory, whole: false });
  if (!obtained.ok) return obtained;
  const { form, digest, source, warnings } = obtained;
  const loaded = openForm(form, { path, digest, source: () => source ?? readBytesAgain(path, digest) }, options);
  return loaded.ok ? { ...loaded, warnings: [...loaded.warnings, ...warnings] } : loaded;
}
