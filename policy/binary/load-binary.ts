import { createHash } from 'node:crypto';
import { createPolicy } from '../decide/create-policy.ts';
import type { LoadOptions } from '../load.ts';
import type { Loaded } from '../policy.ts';
import { describeBinary } from './describe.ts';
import { readBinary } from './read-binary.ts';

/**
 * Loads a binary kernel policy; see `readBinary`. Its digest is the SHA-256 of the bytes, which are kept to describe
 * rules from and must not change. `file` is what diagnostics and rules name.
 */
export function loadBinary(bytes: Uint8Array, file: string, options: LoadOptions = {}): Loaded {
  const read = readBinary(bytes, file);
  if (!read.ok) return read;
  const { db, statements } = read;
  const policy = createPolicy({
    db,
    digest: createHash('sha256').update(bytes).digest('hex'),
    seqno: options.seqno ?? 1,
    flavour: options.flavour ?? 'libsepol',
    describe: describeBinary(bytes, file, db, statements.starts.data, statements.sections),
    booleans: db.booleanDefaults,
  });
  return { ok: true, policy, warnings: [] };
}
