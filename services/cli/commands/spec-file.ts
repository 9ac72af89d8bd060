import { randomUUID } from 'node:crypto';
import { readConfig } from '../../../shared/config/config.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { uuid } from '../../../shared/ids.ts';
import { fields, maybe } from '../../../shared/schema/schema.ts';
import { problemsOf, type VmSpec, vmSpec } from '../../../shared/vm/spec.ts';

/** A spec as a person writes it: the UUID may be left out, and is chosen then. */
const writtenSpec = fields({ ...vmSpec.entries, uuid: maybe(uuid) });

/**
 * Reads the file given to `vm define`, `-` for what is on stdin. CONFIG_INVALID names file, line and column, or what does
 * not fit together.
 */
export async function readSpecFile(file: string): Promise<VmSpec> {
  const written = await readConfig(file === '-' ? '/dev/stdin' : file, writtenSpec);
  const spec: VmSpec = { ...written, uuid: written.uuid ?? randomUUID() };
  const problems = problemsOf(spec);
  if (problems.length > 0) throw new BrokerError('CONFIG_INVALID', `${file}: ${problems.join('; ')}`);
  return spec;
}
