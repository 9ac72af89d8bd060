import type { ClientName, HostName, JobName, VmName } from '../../shared/ids.ts';
import type { RunView } from '../../shared/messages/job.ts';
import type { OwnerRecord } from '../../shared/messages/record.ts';
import type { Answer, Request } from '../../shared/messages/request.ts';
import type { JobRecord } from './record.ts';

/* What the scheduler needs of the world. Every promise here rejects with a BrokerError and nothing else. */

/** Which job: names are a client's own. */
export interface JobId {
  readonly client: ClientName;
  readonly name: JobName;
}

/** The jobs and their histories, as the bus keeps them. */
export interface Jobs {
  all(): Promise<JobRecord[]>;
  ofClient(client: ClientName): Promise<JobRecord[]>;
  get(id: JobId): Promise<JobRecord | undefined>;
  /** JOB_EXISTS where the client has one of that name. */
  create(job: JobRecord): Promise<void>;
  /**
   * Changes a job by compare-and-set: reads it, asks `next` what it should become, and reads and asks again when somebody
   * was faster. Answers with what was written, or nothing where the job is gone or `next` answered nothing.
   */
  change(id: JobId, next: (job: JobRecord) => JobRecord | undefined): Promise<JobRecord | undefined>;
  /** Removes a job and its history. False where there is none. */
  remove(id: JobId): Promise<boolean>;
  /** The last runs, newest first. */
  history(id: JobId): Promise<readonly RunView[]>;
  /** Adding a run that is there already replaces it. */
  addRun(id: JobId, run: RunView): Promise<void>;
}

/** The fleet, asked in the name of one client. */
export interface Acting {
  ask(host: HostName, request: Request): Promise<Answer>;
}

/** The clients this scheduler may act for, and the owner records that say where a VM is. */
export interface Fleet {
  /** IDENTITY_UNKNOWN, with a hint, for a client whose identity this scheduler does not hold. */
  actAs(client: ClientName): Promise<Acting>;
  owner(vm: VmName): Promise<OwnerRecord | undefined>;
}
