import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { check, type Schema } from '../../../shared/schema/schema.ts';
import { parseBytes, parseDuration } from '../render/units.ts';

/** Checks a value of the command line against a schema. USAGE_INVALID names the value and what it should be. */
export function valid<T>(schema: Schema<T>, value: string | undefined): T {
  const checked = check(schema as Schema, value);
  if (checked.ok) return checked.value as T;
  const problem = (checked.problems[0] ?? 'is not valid').replace(/^value: /, '');
  throw new BrokerError('USAGE_INVALID', `\`${value ?? ''}\` ${problem}`);
}

/** Reads bytes such as `64MiB`. */
export function bytesArgument(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined) throw new BrokerError('USAGE_INVALID', `\`${text}\` is not a size such as 64MiB or 1GiB`);
  return bytes;
}

/** Reads a length of time such as `300ms`. */
export function durationArgument(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new BrokerError('USAGE_INVALID', `\`${text}\` is not a time such as 300ms, 30s or 5min`);
  return ms;
}
