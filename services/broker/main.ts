import { join } from 'node:path';
import { configFileOf, runDaemon } from '../../shared/config/daemon.ts';
import { faultOf } from '../../shared/errors/broker-error.ts';
import { createLogger } from '../../shared/log/logger.ts';
import { startBroker } from './broker.ts';
import { readBrokerConfig } from './config.ts';

/*
 * The daemon of a host: `node services/broker/main.ts --config broker.yaml`. It says `ready` on standard output when it
 * serves, loads its policy again on SIGHUP, and on SIGTERM stops serving and leaves the VMs running.
 */
await runDaemon('broker', async (args) => {
  const config = await readBrokerConfig(configFileOf(args, '/etc/carnet/broker.yaml'));
  const log = createLogger({
    name: `broker-${config.host}`,
    to: { file: join(config.logs, 'broker.log') },
    level: config.logLevel,
  });
  const fatal = (error: unknown): never => {
    log.error('an operation cannot go on', {
      fault: faultOf(error),
      cause: error instanceof Error ? (error.stack ?? null) : null,
    });
    process.exit(1);
  };
  const broker = await startBroker(config, log, fatal);
  process.on('SIGHUP', () => void broker.reloadPolicy());
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void broker.close().then(() => process.exit(0)));
  process.stdout.write('ready\n');
});
