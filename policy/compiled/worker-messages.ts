import type { Diagnostic } from '../policy.ts';

/** What a worker is started with. */
export interface WorkerTask {
  readonly path: string;
  readonly cacheDirectory?: string | undefined;
}

/** What it sends back, once: a form that was checked and the file's bytes, both handed over and not copied. */
export type WorkerResult =
  | {
      readonly ok: true;
      readonly form: Uint8Array<ArrayBuffer>;
      readonly source?: Uint8Array<ArrayBuffer> | undefined;
      readonly digest: string;
      readonly warnings: readonly Diagnostic[];
    }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };
