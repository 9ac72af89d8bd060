import type { OperationView } from '../../../shared/messages/view.ts';

/** A record of the journal after which something fails: the first of that kind in that state. */
export interface Moment {
  readonly kind: OperationView['kind'];
  readonly state: string;
}

/** What is killed at that moment. `here` is the host whose record it is, in a migration `there` the other one. */
export const kills = ['broker here', 'broker there', 'QEMU here', 'QEMU there', 'bus'] as const;
/** What is cut at that moment, and mended when every deadline of a handover has passed. */
export const cuts = ['link here', 'link there', 'way here to there', 'way there to here'] as const;
export type Fault = (typeof kills)[number] | (typeof cuts)[number];

const migrateSource = [
  'deciding',
  'offering',
  'confirming',
  'transferring',
  'deciding-switchover',
  'switching-over',
  'handing-over',
  'clearing',
  'completed',
];
const migrateDestination = [
  'deciding',
  'preparing',
  'granted',
  'receiving',
  'deciding-switchover',
  'awaiting-handover',
  'deciding-run',
  'claiming',
  'running-guest',
  'completed',
];
const save = ['deciding', 'saving', 'sealing', 'completed'];
const restore = ['deciding', 'verifying', 'claiming', 'loading', 'deciding-run', 'running-guest', 'completed'];

const momentsOf = (kind: Moment['kind'], states: readonly string[]): Moment[] =>
  states.map((state) => ({ kind, state }));

/** Every record that an operation without faults writes. */
export const moments: readonly Moment[] = [
  ...momentsOf('migrate-source', migrateSource),
  ...momentsOf('migrate-destination', migrateDestination),
  ...momentsOf('save', save),
  ...momentsOf('restore', restore),
];

export const isMigration = ({ kind }: Moment): boolean => kind.startsWith('migrate');

/** Those that can happen: a save and a restore have one host. */
export const faultsAt = (moment: Moment, faults: readonly Fault[]): readonly Fault[] =>
  isMigration(moment) ? faults : faults.filter((fault) => !fault.includes('there'));

export const pointOf = ({ kind, state }: Moment): string => `${kind}:${state}`;
