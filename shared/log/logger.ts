import { pino } from 'pino';
import type { Fault } from '../errors/broker-error.ts';

/** What a line may carry besides its sentence: typed, flat, and never a secret, a key or bytes of a guest. */
export type LogFields = { readonly [name: string]: string | number | boolean | null | Fault | undefined };

/** Lines for operators and tools. A sentence says what happened; fields say to what. */
export interface Logger {
  debug(sentence: string, fields?: LogFields): void;
  info(sentence: string, fields?: LogFields): void;
  warn(sentence: string, fields?: LogFields): void;
  error(sentence: string, fields?: LogFields): void;
  /** The same log, with fields that every line of it carries. */
  with(fields: LogFields): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * A log of JSON lines, one object each: `level`, `time` (ms since the epoch), `name`, `msg` and the fields. Lines are
 * written before the call returns, so that a crash loses none.
 */
export function createLogger(options: { name: string; to: { file: string } | 'stdout'; level?: LogLevel }): Logger {
  const destination = pino.destination({
    dest: options.to === 'stdout' ? 1 : options.to.file,
    sync: true,
    mode: 0o600,
  });
  const settings = {
    level: options.level ?? 'info',
    base: { name: options.name },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return wrap(pino(settings, destination));
}

/** A log that nobody reads. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLogger,
};

const wrap = (logger: pino.Logger): Logger => ({
  debug: (sentence, fields = {}) => logger.debug(fields, sentence),
  info: (sentence, fields = {}) => logger.info(fields, sentence),
  warn: (sentence, fields = {}) => logger.warn(fields, sentence),
  error: (sentence, fields = {}) => logger.error(fields, sentence),
  with: (fields) => wrap(logger.child(fields)),
});
