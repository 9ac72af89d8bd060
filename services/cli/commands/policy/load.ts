import { Option } from 'commander';
import type { LoadOptions } from '../../../../policy/load.ts';
import type { LoadedPolicy } from '../../../../policy/policy.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';

/** Whose answer is wanted where the kernel's and libsepol's differ. */
export interface FlavourOptions {
  readonly flavour: 'libsepol' | 'kernel';
}

/** `--flavour`: a new option each time, as commander keeps state in it. */
export const flavourOption = (): Option =>
  new Option('--flavour <whose>', 'whose answers, where they differ (sockets, in computed contexts)')
    .choices(['libsepol', 'kernel'])
    .default('libsepol');

/**
 * Loads the policy a question is about, source or binary.
 * @throws BrokerError POLICY_INVALID with the first thing that is wrong.
 */
export async function policyIn(file: string, options: LoadOptions = {}): Promise<LoadedPolicy> {
  const { readPolicyFile } = await import('../../../../policy/read-policy-file.ts');
  const loaded = readPolicyFile(file, options);
  if (loaded.ok) return loaded.policy;
  const [first] = loaded.diagnostics;
  const what = first === undefined ? '' : `: ${first.file}:${first.line}:${first.column}: ${first.message}`;
  throw new BrokerError('POLICY_INVALID', `${file} does not load${what}`, {
    hint: `\`carnet policy check ${file}\` shows everything that is wrong with it`,
  });
}
