import type { Bucket } from '../../shared/bus/bus.ts';
import { BrokerError, faultOf } from '../../shared/errors/broker-error.ts';
import type { Logger } from '../../shared/log/logger.ts';
import { addRun, type RunsRecord, runsRecord } from './history.ts';
import type { Jobs } from './ports.ts';
import { type JobRecord, jobRecord, keyOf } from './record.ts';
import type { RecordSeal } from './sealed.ts';

/** How often a change is begun anew when somebody was faster. Only this job's own changes compete for its key. */
const conflictsMax = 16;

export interface JobsDependencies {
  readonly jobs: Bucket;
  readonly runs: Bucket;
  readonly seal: RecordSeal;
  readonly log: Logger;
}

/** The jobs and their histories in two buckets, a key each: `<client>.<job>`. */
export function createJobs({ jobs, runs, seal, log }: JobsDependencies): Jobs {
  async function read(key: string) {
    const entry = await jobs.get(key);
    if (entry === undefined) return undefined;
    const record = seal.open<JobRecord>(`job/${key}`, entry.value, jobRecord);
    return { record, revision: entry.revision };
  }

  /** A record that cannot be read costs its own job, not the others. */
  async function readAll(keys: readonly string[]): Promise<JobRecord[]> {
    const found: JobRecord[] = [];
    for (const key of keys) {
      try {
        const entry = await read(key);
        if (entry !== undefined) found.push(entry.record);
      } catch (error) {
        const fault = faultOf(error);
        if (!fault.code.startsWith('MESSAGE_')) throw error;
        log.error('a job was left out, as its record cannot be taken', { key, fault });
      }
    }
    return found;
  }

  async function readRuns(key: string): Promise<{ history: RunsRecord; revision: number }> {
    const entry = await runs.get(key);
    if (entry === undefined) return { history: { runs: [] }, revision: 0 };
    try {
      return { history: seal.open<RunsRecord>(`job-runs/${key}`, entry.value, runsRecord), revision: entry.revision };
    } catch (error) {
      log.error('a history of runs was begun anew, as the old one cannot be taken', { key, fault: faultOf(error) });
      return { history: { runs: [] }, revision: entry.revision };
    }
  }

  return {
    all: async () => readAll(await jobs.keys()),
    ofClient: async (client) => readAll((await jobs.keys()).filter((key) => key.startsWith(keyOf(client, '')))),
    get: async (id) => (await read(keyOf(id.client, id.name)))?.record,

    async create(record) {
      const key = keyOf(record.client, record.name);
      // What an earlier job of that name left behind is not this one's.
      await runs.delete(key);
      try {
        await jobs.create(key, seal.seal(`job/${key}`, record));
      } catch (error) {
        if (faultOf(error).code !== 'BUS_CONFLICT') throw error;
        throw new BrokerError('JOB_EXISTS', `${record.client} has a job ${record.name} already`, { cause: error });
      }
    },

    async change(id, next) {
      const key = keyOf(id.client, id.name);
      return untilFirst(async () => {
        const entry = await read(key);
        const changed = entry === undefined ? undefined : next(entry.record);
        if (entry === undefined || changed === undefined) return undefined;
        await jobs.update(key, seal.seal(`job/${key}`, changed), entry.revision);
        return changed;
      });
    },

    async remove(id) {
      const key = keyOf(id.client, id.name);
      const entry = await jobs.get(key);
      if (entry === undefined) return false;
      await jobs.delete(key);
      await runs.delete(key);
      return true;
    },

    history: async (id) => (await readRuns(keyOf(id.client, id.name))).history.runs,

    async addRun(id, run) {
      const key = keyOf(id.client, id.name);
      await untilFirst(async () => {
        const { history, revision } = await readRuns(key);
        const value = seal.seal(`job-runs/${key}`, addRun(history, run));
        await (revision === 0 ? runs.create(key, value) : runs.update(key, value, revision));
      });
    },
  };
}

/** Tries a change until nobody was faster. BUS_CONFLICT where that never happens. */
async function untilFirst<T>(change: () => Promise<T>): Promise<T> {
  for (let conflicts = 0; ; conflicts++) {
    try {
      return await change();
    } catch (error) {
      if (faultOf(error).code !== 'BUS_CONFLICT' || conflicts >= conflictsMax) throw error;
    }
  }
}
