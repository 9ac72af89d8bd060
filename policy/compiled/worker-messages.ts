import type { Diagnostic } from '../policy.ts';
import type { Form } from './form.ts';

/** What a worker is started with. */
export interface WorkerTask {
  readonly path: string;
  readonly cacheDirectory?: string | undefined;
}

/** What it sends back, once: the parts of a form, both checked, and the file's bytes, all handed over and not copied. */
export type WorkerResult =
  | {
      readonly ok: true;
      readonly form: Form;
      readonly source?: Uint8Array<ArrayBuffer> | undefined;
      readonly digest: string;
      readonly warnings: readonly Diagnostic[];
    }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };
