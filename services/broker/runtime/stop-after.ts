import type { Journal } from './kind.ts';

/**
 * A journal for tests of crashes: once the first record of a kind and a state is on disk, `stop` is called before anybody
 * learns of it. `points` is `KIND:STATE`, such as `migrate-source:handing-over`, or several with commas between them: each
 * counts from when the one before it was come to. Undefined leaves the journal as it is.
 */
export function stoppingAfter(journal: Journal, points: string | undefined, stop: () => void): Journal {
  if (points === undefined) return journal;
  const toCome = points.split(',');
  return {
    ...journal,
    async write(record) {
      await journal.write(record);
      if (`${record.kind}:${record.state.state}` !== toCome[0]) return;
      toCome.shift();
      stop();
    },
  };
}
