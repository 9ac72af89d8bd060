import type { BusStatus } from './bus.ts';

/** Who wants to know of changes of a connection, and how to tell them. */
export interface StatusHandlers {
  add(handler: (status: BusStatus) => void): () => void;
  tell(status: BusStatus): void;
}

export function createStatusHandlers(): StatusHandlers {
  const handlers = new Set<(status: BusStatus) => void>();
  return {
    add(handler) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    tell(status) {
      for (const handler of [...handlers]) handler(status);
    },
  };
}

/** What a handler threw, as a status. */
export const handlerFailed = (subject: string, error: unknown): BusStatus => ({
  is: 'error',
  detail: `the handler of ${subject} failed: ${error instanceof Error ? error.message : String(error)}`,
});
