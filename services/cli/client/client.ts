import type { ClientName, HostName, OperationId, VmName } from '../../../shared/ids.ts';
import type { JobAnswer, JobAsk } from '../../../shared/messages/job.ts';
import type { HostRecord, OwnerRecord } from '../../../shared/messages/record.ts';
import type { Answer, Request } from '../../../shared/messages/request.ts';
import type { OperationView } from '../../../shared/messages/view.ts';

/** The fleet as a client sees it. Faults of bus and peers are thrown as BrokerErrors; what a host answers is a value. */
export interface Client {
  readonly name: ClientName;
  /** Asks a host, in a request signed by this client. */
  ask(host: HostName, request: Request): Promise<Answer>;
  /** Asks the scheduler about jobs that act for this client. */
  askScheduler(ask: JobAsk): Promise<JobAnswer>;
  /** The hosts that have announced themselves, by name. */
  hosts(): Promise<readonly HostRecord[]>;
  /** Who owns a VM, or nothing where no record says so. */
  owner(vm: VmName): Promise<OwnerRecord | undefined>;
  /** Calls back for every update a host sends about one of this client's operations; the answer stops it. */
  onUpdate(callback: (view: OperationView, host: HostName) => void): () => void;
  close(): Promise<void>;
}

/** How an operation is followed to its end. */
export interface FollowOptions {
  readonly onView: (view: OperationView) => void;
  readonly timeoutMs: number | undefined;
  /** Aborted when the person stops looking; the operation goes on. */
  readonly signal: AbortSignal;
}

/** How following ended: with the operation, or before it. */
export type Followed =
  | { readonly is: 'ended'; readonly view: OperationView }
  | { readonly is: 'detached' }
  | { readonly is: 'timeout' };

export type Follow = (
  client: Client,
  host: HostName,
  operation: OperationId,
  options: FollowOptions,
) => Promise<Followed>;
