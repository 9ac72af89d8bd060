import { defaultsTo, fields, flag, integer, maybe, oneOf, type Shape } from '../schema/schema.ts';

/** How a migration is to go. Zero bandwidth is unlimited. What is absent was not asked for. */
export const migrateOptions = fields({
  bandwidthBytesPerSecond: defaultsTo(integer(0, 1e12), 0),
  downtimeMsMax: defaultsTo(integer(1, 60_000), 300),
  /** Slow the guest down where it writes faster than can be sent. */
  autoConverge: maybe(flag()),
  /** How long the transfer may take, from its beginning. */
  timeoutMs: maybe(integer(1_000, 86_400_000)),
  /**
   * What is done then: `abort` lets the guest run on at the source, `force` pauses it and sends the rest in one go,
   * `postcopy` runs it at the destination and sends the rest after it. Absent it is `postcopy` where that is allowed,
   * otherwise `abort`.
   */
  onTimeout: maybe(oneOf(['abort', 'force', 'postcopy'])),
  /** The guest may run at the destination before all of its memory is there, which it has to get from the source then. */
  allowPostcopy: maybe(flag()),
});
export type MigrateOptions = Shape<typeof migrateOptions>;
