import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connectNats } from '../../shared/bus/nats.ts';
import { configFileOf, runDaemon } from '../../shared/config/daemon.ts';
import { BrokerError } from '../../shared/errors/broker-error.ts';
import { createLogger } from '../../shared/log/logger.ts';
import { createStoredSeenNonces } from '../../shared/messages/frame.ts';
import { schedulerName } from '../../shared/messages/job.ts';
import { loadIdentity } from '../../shared/pki/identity.ts';
import { openStore } from '../../shared/store/store.ts';
import { systemClock } from '../../shared/time/clock.ts';
import { readSchedulerConfig } from './config.ts';
import { startScheduler } from './scheduler.ts';

/*
 * The scheduler of a fleet: `node services/scheduler/main.ts --config scheduler.yaml`. It says `ready` on standard output
 * when it serves, and ends on SIGTERM; everything else goes to its log.
 */
await runDaemon('scheduler', async (args) => {
  const ended = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  const config = await readSchedulerConfig(configFileOf(args, '/etc/carnet/scheduler.yaml'));
  const identity = await loadIdentity(config.identity);
  if (identity.role !== 'service' || identity.name !== schedulerName) {
    throw new BrokerError('CONFIG_INVALID', `${config.identity} is the identity of ${identity.role} ${identity.name}`, {
      hint: `clients ask for the service \`${schedulerName}\``,
    });
  }
  mkdirSync(config.logs, { recursive: true, mode: 0o700 });
  const log = createLogger({ name: schedulerName, to: { file: config.logFile }, level: config.logLevel });
  const store = openStore(config.state);
  const bus = await connectNats({
    servers: config.bus.servers,
    name: `carnet-${schedulerName}`,
    inboxPrefix: `_INBOX_${schedulerName}`,
  });
  bus.onStatus((status) => log.warn(`the bus: ${status.is}`, 'detail' in status ? { detail: status.detail } : {}));
  const scheduler = await startScheduler({
    bus,
    identity,
    async identityOf(client) {
      const folder = config.identityFolder(client);
      return folder === undefined ? undefined : loadIdentity(folder);
    },
    clock: systemClock,
    random: randomBytes,
    seen: createStoredSeenNonces(store),
    log,
  });
  log.info('the scheduler serves');
  process.stdout.write('ready\n');
  await ended;
  log.info('the scheduler ends');
  await scheduler.stop();
  await bus.close();
  await store.flushed();
  await store.close();
});
