import { randomUUID } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { limits } from '../../../../shared/limits.ts';
import type { Clock } from '../../../../shared/time/clock.ts';
import { type QemuEvent, readEvent } from './events.ts';
import { lineReader, parseMessage } from './lines.ts';
import { fieldOf } from './replies.ts';

/** One connection to a QEMU's monitor. */
export interface Qmp {
  /**
   * Runs a command and answers with what QEMU returned, unchecked. Rejects with QEMU_REFUSED and QEMU's own words,
   * QEMU_TIMEOUT when there is no answer in time, QEMU_PROTOCOL or QEMU_FAILED when the connection ended.
   */
  execute(command: string, args?: Readonly<Record<string, unknown>>, timeoutMs?: number): Promise<unknown>;
  /** Ends the connection; QEMU goes on. */
  close(): void;
}

export interface QmpOptions {
  readonly clock: Clock;
  onEvent(event: QemuEvent): void;
  /** The connection ended, by whatever cause. Called once. */
  onLost(why: BrokerError): void;
}

/** How long QEMU may take to answer a command that has no limit of its own. */
const answerMsMax = 15_000;
/** Commands that were given up: their late answers are not a breach of protocol. */
const forgottenMax = 64;
const errorLengthMax = 500;

interface Pending {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: BrokerError): void;
  cancelTimer(): void;
}

/**
 * Connects to the unix socket at `path` and negotiates. Rejects with the socket's own error where nobody listens there,
 * else with a BrokerError. QEMU serves one connection at a time: a second one waits for the greeting until it times out.
 * Protocol: QEMU, docs/interop/qmp-spec.txt.
 */
export async function connectQmp(path: string, options: QmpOptions): Promise<Qmp> {
  const socket = await connected(path);
  const pending = new Map<string, Pending>();
  const forgotten = new Set<string>();
  const greeted = Promise.withResolvers<void>();
  let lost: BrokerError | undefined;
  let sawGreeting = false;

  const end = (why: BrokerError): void => {
    if (lost !== undefined) return;
    lost = why;
    socket.destroy();
    greeted.reject(why);
    for (const each of pending.values()) {
      each.cancelTimer();
      each.reject(why);
    }
    pending.clear();
    options.onLost(why);
  };

  const onLine = (line: string): void => {
    if (lost !== undefined || line === '') return;
    try {
      take(parseMessage(line));
    } catch (error) {
      end(error instanceof BrokerError ? error : new BrokerError('INTERNAL', String(error), { cause: error }));
    }
  };

  const take = (message: Readonly<Record<string, unknown>> | undefined): void => {
    if (message === undefined) throw new BrokerError('QEMU_PROTOCOL');
    if ('QMP' in message) {
      if (sawGreeting) throw new BrokerError('QEMU_PROTOCOL', 'QEMU greeted twice');
      sawGreeting = true;
      greeted.resolve();
    } else if (!sawGreeting) {
      throw new BrokerError('QEMU_PROTOCOL', 'QEMU did not greet first');
    } else if ('event' in message) {
      const event = readEvent(message);
      if (event !== undefined) options.onEvent(event);
    } else settle(message);
  };

  const settle = (message: Readonly<Record<string, unknown>>): void => {
    const id = message['id'];
    if (typeof id === 'string' && forgotten.delete(id)) return;
    const waiting = typeof id === 'string' ? pending.get(id) : undefined;
    if (typeof id !== 'string' || waiting === undefined) {
      throw new BrokerError('QEMU_PROTOCOL', 'QEMU answered a command that was not asked');
    }
    pending.delete(id);
    waiting.cancelTimer();
    if ('return' in message) waiting.resolve(message['return']);
    else {
      waiting.reject(new BrokerError('QEMU_REFUSED', `QEMU refused ${waiting.command}: ${wordsOf(message['error'])}`));
    }
  };

  const execute: Qmp['execute'] = (command, args, timeoutMs = answerMsMax) => {
    if (lost !== undefined) return Promise.reject(lost);
    const id = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancelTimer = options.clock.after(timeoutMs, () => {
      pending.delete(id);
      forgotten.add(id);
      if (forgotten.size > forgottenMax) forgotten.delete(forgotten.values().next().value ?? '');
      reject(new BrokerError('QEMU_TIMEOUT', `QEMU did not answer ${command} within ${timeoutMs} ms`));
    });
    pending.set(id, { command, resolve, reject, cancelTimer });
    socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`);
    return promise;
  };

  const tooLong = () => end(new BrokerError('QEMU_PROTOCOL', `QEMU sent a line over ${limits.qmpLineBytes} bytes`));
  socket.on('data', lineReader(limits.qmpLineBytes, onLine, tooLong));
  socket.on('error', () => {});
  socket.on('close', () => end(new BrokerError('QEMU_FAILED', 'QEMU closed its monitor')));

  const cancelTimer = options.clock.after(answerMsMax, () =>
    end(new BrokerError('QEMU_TIMEOUT', 'QEMU did not greet')),
  );
  try {
    await greeted.promise;
  } finally {
    cancelTimer();
  }
  try {
    await execute('qmp_capabilities');
  } catch (error) {
    // QEMU serves one monitor at a time: one that is no use must not stand in the way of the next.
    end(
      error instanceof BrokerError
        ? error
        : new BrokerError('QEMU_PROTOCOL', 'QEMU did not begin to talk', { cause: error }),
    );
    throw error;
  }
  return { execute, close: () => end(new BrokerError('QEMU_FAILED', 'the monitor was closed by the broker')) };
}

function connected(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = createConnection({ path });
  socket.once('error', reject);
  socket.once('connect', () => {
    socket.off('error', reject);
    resolve(socket);
  });
  return promise;
}

/** QEMU's own words, bounded and on one line. */
function wordsOf(error: unknown): string {
  const words = fieldOf(error, 'desc');
  const printable = typeof words === 'string' ? words.replace(/[\p{Cc}\s]+/gu, ' ') : 'without a reason';
  return printable.length > errorLengthMax ? `${printable.slice(0, errorLengthMax)}…` : printable;
}
