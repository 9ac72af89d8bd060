import type { Journal, OperationRecord } from './kind.ts';

/**
 * A journal for tests of crashes: once the first record of a kind and a state is on disk, `stop` is called before anybody
 * learns of it. `point` is `KIND:STATE`, such as `migrate-source:handing-over`; undefined leaves the journal as it is.
 */
export function stoppingAfter(journal: Journal, point: string | undefined, stop: () => void): Journal {
  if (point === undefined) return journal;
  let stopped = false;
  const isPoint = ({ kind, state }: OperationRecord) => `${kind}:${state.state}` === point;
  return {
    ...journal,
    async write(record) {
      await journal.write(record);
      if (stopped || !isPoint(record)) return;
      stopped = true;
      stop();
    },
  };
}
