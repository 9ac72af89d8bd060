import { clientName, operationId, vmName } from '../../../shared/ids.ts';
import { fault } from '../../../shared/messages/fault.ts';
import { operationView, progress } from '../../../shared/messages/view.ts';
import { defaultsTo, fields, integer, list, nullable, ownData, text } from '../../../shared/schema/schema.ts';
import type { Store } from '../../../shared/store/store.ts';
import { decision } from '../../../shared/vm/decision.ts';
import type { Journal, OperationRecord } from './kind.ts';

const timeMs = integer(0, Number.MAX_SAFE_INTEGER);
const effectsMax = 64;
/** Ended operations that can still be looked at. Their ids sort by time, so the oldest goes first. */
const endedKept = 1000;

/** The form of a journalled operation. State and effects are this program's own data; their tables know their fields. */
const operationRecord = fields({
  operation: operationId,
  kind: operationView.entries.kind,
  vm: vmName,
  client: clientName,
  startedAtMs: timeMs,
  endedAtMs: nullable(timeMs),
  deadlineAtMs: nullable(timeMs),
  state: ownData('state'),
  pending: list(fields({ id: integer(0, 1e9), orderedIn: text(64), effect: ownData('effect') }), effectsMax),
  nextEffectId: integer(0, 1e9),
  retries: defaultsTo(integer(0, 1e9), 0),
  sinceMs: defaultsTo(timeMs, 0),
  lastFault: defaultsTo(nullable(fault), null),
  decisions: list(decision, 16),
  figures: progressWithoutPhase(),
});

function progressWithoutPhase() {
  const { phase: _, ...figures } = progress.entries;
  return fields(figures);
}

/**
 * The journal in the host's database. Operations that are under way stand in a table of their own, so that finding them
 * again after a crash costs what is open, not what ever was.
 */
export function createJournal(store: Store): Journal {
  const open = store.table<OperationRecord>('operations-open', operationRecord);
  const ended = store.table<OperationRecord>('operations-ended', operationRecord);
  return {
    async write(record) {
      store.transaction(() => {
        const done = record.endedAtMs !== null && record.pending.length === 0;
        if (done) open.remove(record.operation);
        (done ? ended : open).put(record.operation, record);
        if (done && ended.count() > endedKept) for (const { key } of ended.entries({ limit: 1 })) ended.remove(key);
      });
      await store.flushed();
    },
    read: (operation) => open.get(operation) ?? ended.get(operation),
    list(limit) {
      const newest = [...open.entries(), ...ended.entries({ reverse: true, limit })].map(({ value }) => value);
      return newest.sort((a, b) => b.startedAtMs - a.startedAtMs).slice(0, limit);
    },
    open: () => open.entries().map(({ value }) => value),
  };
}
