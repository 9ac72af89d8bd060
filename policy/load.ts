import { createHash } from 'node:crypto';
import { buildPolicydb } from './build/build.ts';
import type { Target } from './build/builder.ts';
import { createPolicy } from './decide/create-policy.ts';
import type { Describe } from './decide/explain.ts';
import type { Flavour } from './decide/state.ts';
import { type Parsed, parsePolicy } from './language/parse.ts';
import type { SourceFile } from './language/source.ts';
import { statementText } from './language/statement-text.ts';
import type { Loaded } from './policy.ts';
import type { Policydb } from './policydb/policydb.ts';

/** `seqno` is the policy's sequence number (1 unless given), `flavour` whose answer is given where two differ. */
export interface LoadOptions {
  readonly seqno?: number;
  readonly flavour?: Flavour;
}

/**
 * `target` is what the policy is for, as checkpolicy's `-t` says it (`selinux` unless given); a binary policy says it
 * itself. `digest` is the SHA-256 of the sources' text in UTF-8, where whoever read them has it already.
 */
interface SourceOptions extends LoadOptions {
  readonly target?: Target;
  readonly digest?: string;
}

/**
 * Loads a policy from its source: one text, or several files that make one policy in the order given, joined by line
 * feeds. The policy's digest is the SHA-256 of that text in UTF-8. Whatever the text holds, the answer is a policy or
 * diagnostics; nothing is thrown.
 */
export function loadPolicy(sources: readonly SourceFile[] | string, options: SourceOptions = {}): Loaded {
  const files = typeof sources === 'string' ? [{ file: 'policy.conf', text: sources }] : sources;
  const parsed = parsePolicy(files);
  const db = buildPolicydb(parsed, options.target === undefined ? {} : { target: options.target });
  const { found } = parsed.diagnostics;
  if (db === undefined) return { ok: false, diagnostics: found };
  const policy = createPolicy({
    db,
    digest: options.digest ?? createHash('sha256').update(parsed.source.text, 'utf8').digest('hex'),
    seqno: options.seqno ?? 1,
    flavour: options.flavour ?? 'libsepol',
    describe: describeFrom(parsed, db),
    booleans: db.booleanDefaults,
  });
  return { ok: true, policy, warnings: found };
}

function describeFrom({ source }: Parsed, db: Policydb): Describe {
  return (statement) => {
    const start = db.spans.starts[statement] ?? 0;
    const end = db.spans.ends[statement] ?? start;
    const { file, line } = source.locate(start);
    return { file, line, text: statementText(source.text.slice(start, end)) };
  };
}
