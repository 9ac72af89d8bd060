import { migrateDestination } from '../../../services/broker/migrate/destination.ts';
import { migrateSource } from '../../../services/broker/migrate/source.ts';
import { restore } from '../../../services/broker/restore/restore.ts';
import { save } from '../../../services/broker/save/save.ts';
import { start } from '../../../services/broker/start/start.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import type { Fault } from './strikes.ts';

/** A record of the journal at which something fails: the first of that kind in that state. */
export interface Moment {
  readonly kind: OperationView['kind'];
  readonly state: string;
  /** What has to go wrong first for an operation to come there. */
  readonly leadUp?: LeadUp;
  /** Not right after the record, but when the guest's state is on its way. */
  readonly midway?: true;
  /** Only a transfer that takes longer than it may comes there. */
  readonly overtime?: true;
  /** Only a migration that is allowed post-copy, and takes longer than it may, comes there. */
  readonly postcopy?: true;
  /** Whether an operation comes there is chance: which of two messages is first. */
  readonly chance?: true;
}

/** A fault after an earlier record of the same operation, `KIND:STATE`. */
interface LeadUp {
  readonly at: string;
  /** Not after the first record in that state, but after the second. */
  readonly second?: true;
  readonly fault: Fault;
}

interface Rows {
  readonly name: string;
  readonly initial: string;
  readonly final: readonly string[];
  readonly rows: readonly { readonly from: string; readonly on: string; readonly to: string }[];
}

const tables: readonly (Rows & { name: Moment['kind'] })[] = [
  { ...migrateSource, name: 'migrate-source' },
  { ...migrateDestination, name: 'migrate-destination' },
  { ...save, name: 'save' },
  { ...restore, name: 'restore' },
  { ...start, name: 'start' },
];

/** Events by which an operation leaves the way that it takes when nothing goes wrong. */
const setbacks = new Set([
  'failed',
  'refused',
  'cancel-asked',
  'release-asked',
  'deadline-passed',
  'transfer-failed',
  'owner-lost',
  'guest-lost',
  'unresolved',
  'record-unmoved',
  'destination-released',
  'destination-lost',
  'copy-released',
  'memory-lost',
  'cleared-lost',
  'cut',
  'source-gone',
  'end-asked',
]);

/** How an operation is brought into the states it has for what goes wrong. */
const leadUps: Readonly<Record<string, LeadUp>> = {
  'migrate-source:withdrawing': { at: 'migrate-source:transferring', fault: 'QEMU there' },
  'migrate-source:unmoved': { at: 'migrate-source:transferring', fault: 'QEMU there' },
  'migrate-source:in-doubt': { at: 'migrate-source:handing-over', fault: 'broker there' },
  'migrate-source:taking-back': { at: 'migrate-source:handing-over', fault: 'QEMU there' },
  'migrate-source:lost': { at: 'migrate-source:pulling', second: true, fault: 'QEMU there' },
  'migrate-destination:cut-off': { at: 'migrate-destination:pulling', fault: 'QEMU there' },
  'migrate-destination:losing': { at: 'migrate-destination:pulling', fault: 'QEMU here' },
  'migrate-destination:lost': { at: 'migrate-destination:pulling', fault: 'QEMU here' },
  'migrate-destination:closing': { at: 'migrate-destination:receiving', fault: 'QEMU here' },
  'migrate-destination:closed': { at: 'migrate-destination:receiving', fault: 'QEMU here' },
  'save:abandoning': { at: 'save:saving', fault: 'QEMU here' },
  'save:not-saved': { at: 'save:saving', fault: 'QEMU here' },
  'restore:undoing': { at: 'restore:deciding-run', fault: 'QEMU here' },
  'restore:not-restored': { at: 'restore:deciding-run', fault: 'QEMU here' },
  'start:undoing': { at: 'start:deciding-run', fault: 'QEMU here' },
  'start:not-started': { at: 'start:deciding-run', fault: 'QEMU here' },
};

/** The states that are for what takes too long. */
const overtimes: ReadonlySet<string> = new Set(['migrate-source:forcing']);

/** The states that are for post-copy. */
const postcopies: ReadonlySet<string> = new Set([
  'migrate-source:starting-postcopy',
  'migrate-source:letting-go',
  'migrate-source:pulling',
  'migrate-source:lost',
  'migrate-destination:deciding-postcopy',
  'migrate-destination:awaiting-postcopy',
  'migrate-destination:loading-devices',
  'migrate-destination:deciding-postcopy-run',
  'migrate-destination:pulling',
  'migrate-destination:cut-off',
  'migrate-destination:losing',
  'migrate-destination:lost',
]);

const chances: ReadonlySet<string> = new Set(['migrate-destination:loaded', 'migrate-destination:handed-over']);

export const pointOf = ({ kind, state }: Pick<Moment, 'kind' | 'state'>): string => `${kind}:${state}`;
export const nameOf = (moment: Moment): string => `${pointOf(moment)}${moment.midway ? ' midway' : ''}`;

/** Every state of every table: first those that an operation passes when nothing goes wrong, in the order it does. */
const records: readonly Moment[] = tables.flatMap((table) => {
  const usual = reached(table, (event) => !setbacks.has(event));
  const others = reached(table, () => true).filter((state) => !usual.includes(state));
  return [...usual, ...others].map((state) => momentOf(table.name, state, usual.includes(state)));
});

function momentOf(kind: Moment['kind'], state: string, usual: boolean): Moment {
  const point = pointOf({ kind, state });
  const leadUp = usual ? undefined : leadUps[point];
  return {
    kind,
    state,
    ...(leadUp === undefined ? {} : { leadUp }),
    ...(overtimes.has(point) ? { overtime: true } : {}),
    ...(postcopies.has(point) ? { postcopy: true } : {}),
    ...(chances.has(point) ? { chance: true } : {}),
  };
}

/** The states that can be come to by such events, nearest first. */
function reached({ initial, rows }: Rows, counts: (event: string) => boolean): string[] {
  const found = [initial];
  for (const state of found) {
    for (const { from, on, to } of rows) if (from === state && counts(on) && !found.includes(to)) found.push(to);
  }
  return found;
}

const midway: readonly Moment[] = [
  { kind: 'migrate-source', state: 'transferring', midway: true },
  { kind: 'migrate-destination', state: 'receiving', midway: true },
  { kind: 'save', state: 'saving', midway: true },
  { kind: 'restore', state: 'loading', midway: true },
];

/** All of them, and while the guest's state is on its way. */
export const moments: readonly Moment[] = [...records, ...midway];

export const isMigration = ({ kind }: Pick<Moment, 'kind'>): boolean => kind.startsWith('migrate');

/** Those that can happen: all but a migration have one host. */
export const faultsAt = (moment: Moment, faults: readonly Fault[]): readonly Fault[] =>
  isMigration(moment) ? faults : faults.filter((fault) => !fault.includes('there'));
