import { connectNats } from '../../shared/bus/nats.ts';
import { createLogger } from '../../shared/log/logger.ts';
import { authorityName, enrolSubject } from '../../shared/messages/enrol-form.ts';
import { loadAuthority } from '../../shared/pki/authority.ts';
import { systemClock } from '../../shared/time/clock.ts';
import { answerEnrolment } from './enrolment.ts';
import { withRecords } from './records.ts';

/** Where an authority serves, and where its log goes: standard output, unless a file is named. */
interface ServeOptions {
  readonly directory: string;
  readonly servers: readonly string[];
  readonly log: string | undefined;
}

/** Enrols holders of tokens over the bus until `ended` resolves. */
export async function serve(
  { directory, servers, log: logFile }: ServeOptions,
  ended: () => Promise<unknown>,
): Promise<void> {
  const authority = await loadAuthority(directory);
  const log = createLogger({ name: authorityName, to: logFile === undefined ? 'stdout' : { file: logFile } });
  const bus = await connectNats({ servers, name: authorityName, inboxPrefix: `_INBOX_${authorityName}` });
  try {
    await withRecords(directory, async (records) => {
      bus.onStatus((status) => log.warn('the bus reported', { is: status.is, ...('detail' in status ? status : {}) }));
      const by = { authority, records, nowMs: systemClock.nowMs, log };
      bus.serve(enrolSubject('*'), async (data, subject) => answerEnrolment(data, subject.split('.')[3] ?? '', by));
      await bus.flush();
      log.info('serving enrolment', { fleet: authority.fleet });
      if (logFile !== undefined) process.stdout.write('ready\n');
      await ended();
      log.info('stopping');
    });
  } finally {
    await bus.close();
  }
}
