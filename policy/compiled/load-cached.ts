import type { LoadOptions } from '../load.ts';
import type { Loaded } from '../policy.ts';
import { readBytesAgain } from '../policy-file.ts';
import { obtainForm } from './obtain.ts';
import { openContent } from './open.ts';

export interface CachedLoadOptions extends LoadOptions {
  /** The folder of compiled forms, made when it is not there; see cache.ts for whose it must be. */
  readonly cacheDirectory: string;
}

/**
 * Loads a policy's file like `readPolicyFile`, with the same answers, but takes its compiled form from the folder where
 * that has one of the same source and code. The text of a rule is read from the file when it is first shown; it is
 * empty where the file has changed since. Never rejects.
 */
export async function loadCached(path: string, options: CachedLoadOptions): Promise<Loaded> {
  const obtained = await obtainForm(path, options.cacheDirectory);
  if (!obtained.ok) return obtained;
  const { content, digest, source, warnings } = obtained;
  const loaded = openContent(content, { path, digest, source: () => source ?? readBytesAgain(path, digest) }, options);
  return loaded.ok ? { ...loaded, warnings: [...loaded.warnings, ...warnings] } : loaded;
}
