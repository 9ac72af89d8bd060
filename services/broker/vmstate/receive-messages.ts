import type { Fault } from '../../../shared/errors/broker-error.ts';
import type { Expected } from './reader.ts';

/** What the receiving thread is started with. The descriptors stay the starter's. */
export interface ReceiveJob {
  readonly socketPath: string;
  /** Open for writing, and sized to the guest's memory. */
  readonly memoryFd: number;
  /** Open for writing, and empty. */
  readonly devicesFd: number;
  readonly expected: Expected;
}

export interface Received {
  readonly streamBytes: number;
  readonly memoryBytes: number;
  readonly devicesBytes: number;
}

/** thread → starter. */
export type Report =
  | { readonly is: 'listening' }
  | { readonly is: 'received'; readonly received: Received }
  | { readonly is: 'failed'; readonly fault: Fault };

/** starter → thread, once, after `received`: answer the sender, then end. */
export interface Order {
  readonly kept: boolean;
}
