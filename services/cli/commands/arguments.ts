import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { limits } from '../../../shared/limits.ts';
import { priority } from '../../../shared/messages/request.ts';
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

/** Reads a priority, 0 to 9. */
export function priorityArgument(text: string): number {
  const checked = check(priority, /^[0-9]+$/.test(text) ? Number(text) : undefined);
  if (!checked.ok) throw new BrokerError('USAGE_INVALID', `\`${text}\` is not a priority from 0 to 9`);
  return checked.value;
}

/** Reads how long a migration may wait for its turn. */
export function queueArgument(text: string): number {
  const ms = durationArgument(text);
  if (ms > limits.queueMsMax) throw new BrokerError('USAGE_INVALID', `\`${text}\` is longer than anybody waits: 24h`);
  return ms;
}
