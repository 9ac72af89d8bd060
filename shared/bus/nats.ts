import { connect, Events, type NatsConnection, type Subscription as NatsSubscription } from 'nats';
import { BrokerError } from '../errors/broker-error.ts';
import type { Bus } from './bus.ts';
import { openNatsBucket } from './nats-bucket.ts';
import { busFault } from './nats-fault.ts';
import { createStatusHandlers, handlerFailed, type StatusHandlers } from './status.ts';
import { requireSubject } from './subject.ts';

export interface NatsOptions {
  /** `nats://host:port`, one or more of a cluster. */
  readonly servers: readonly string[];
  /** Who connects, as the server's monitoring shows it. */
  readonly name: string;
  /** Where replies come in: `_INBOX_<name>` lets the server's permissions keep others from reading them. */
  readonly inboxPrefix?: string;
  readonly connectTimeoutMs?: number;
  readonly user?: string;
  readonly password?: string;
}

/**
 * Connects to NATS. BUS_UNREACHABLE where no server answers in time. Later interruptions are statuses: the client goes on
 * trying to reconnect, requests in between run into their own timeouts.
 */
export async function connectNats(options: NatsOptions): Promise<Bus> {
  let connection: NatsConnection;
  try {
    connection = await connect({
      servers: [...options.servers],
      name: options.name,
      timeout: options.connectTimeoutMs ?? 5000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      noAsyncTraces: true,
      ...(options.inboxPrefix === undefined ? {} : { inboxPrefix: options.inboxPrefix }),
      ...(options.user === undefined ? {} : { user: options.user, pass: options.password ?? '' }),
    });
  } catch (error) {
    throw busFault(error, `connecting to ${options.servers.join(', ')}`);
  }
  const status = createStatusHandlers();
  void followStatus(connection, status);
  return busOver(connection, status);
}

function busOver(connection: NatsConnection, status: StatusHandlers): Bus {
  const guarded = <T>(what: string, act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw busFault(error, what);
    }
  };
  const stopping = (subscription: NatsSubscription) => ({ stop: () => subscription.unsubscribe() });
  let closing: Promise<void> | undefined;
  return {
    async request(subject, data, timeoutMs) {
      requireSubject(subject);
      try {
        return (await connection.request(subject, data, { timeout: timeoutMs })).data;
      } catch (error) {
        // The client reports what it gave up while closing as a timeout.
        if (closing !== undefined) throw new BrokerError('BUS_UNREACHABLE', `${subject}: the connection was closed`);
        throw busFault(error, subject);
      }
    },
    serve: (pattern, handler) => {
      requireSubject(pattern, true);
      const callback = async (error: Error | null, message: { data: Uint8Array; subject: string; reply?: string }) => {
        if (error !== null) return;
        try {
          const answer = await handler(message.data, message.subject);
          if (answer !== undefined && message.reply !== undefined && message.reply !== '') {
            connection.publish(message.reply, answer);
          }
        } catch (failure) {
          status.tell(handlerFailed(message.subject, failure));
        }
      };
      return guarded(pattern, () => stopping(connection.subscribe(pattern, { callback })));
    },
    publish(subject, data) {
      requireSubject(subject);
      guarded(subject, () => connection.publish(subject, data));
    },
    subscribe: (pattern, handler) => {
      requireSubject(pattern, true);
      const callback = (error: Error | null, message: { data: Uint8Array; subject: string }) => {
        if (error !== null) return;
        try {
          handler(message.data, message.subject);
        } catch (failure) {
          status.tell(handlerFailed(message.subject, failure));
        }
      };
      return guarded(pattern, () => stopping(connection.subscribe(pattern, { callback })));
    },
    async flush() {
      try {
        await connection.flush();
      } catch (error) {
        throw busFault(error, 'flush');
      }
    },
    bucket: (name, bucketOptions = {}) => openNatsBucket(connection, status, name, bucketOptions),
    onStatus: status.add,
    close() {
      closing ??= connection.close().catch((error: unknown) => {
        throw busFault(error, 'close');
      });
      return closing;
    },
  };
}

/** Turns the client's own events into ours until the connection is closed. */
async function followStatus(connection: NatsConnection, status: StatusHandlers): Promise<void> {
  void connection.closed().then(() => status.tell({ is: 'closed' }));
  for await (const event of connection.status()) {
    if (event.type === Events.Disconnect) status.tell({ is: 'disconnected' });
    else if (event.type === Events.Reconnect) status.tell({ is: 'reconnected' });
    else if (event.type === Events.Error) {
      const subject = event.permissionContext?.subject;
      if (subject === undefined) status.tell({ is: 'error', detail: String(event.data) });
      else {
        const detail = `${event.permissionContext?.operation} was refused`;
        status.tell({ is: 'denied', subject, detail });
      }
    }
  }
}
