import { type Address, cutConnections, uriOf } from './address.ts';
import { type Controls, watchFor } from './controls.ts';

/** For a destination that listens already. */
const beginMsMax = 5_000;

/**
 * Has QEMU connect, and resolves when memory flows or when QEMU has said by an event that it cannot send. Rejects with
 * QEMU_TIMEOUT where the destination says nothing: the transfer is called off then.
 *
 * QEMU 7.2 shakes hands for TLS in its main loop, and on a socket that blocks (migration/tls.c over what migration/socket.c
 * has connected). While a destination that took the connection says nothing, as one whose QEMU hangs, or whose host lost its
 * power at that moment, QEMU answers nobody and its guest soon stands still: for good where nobody closes the connection. `migrate_cancel`
 * waits like every command; `yank` is answered, out of band, and does nothing, as QEMU registers a migration's connection only when it
 * has shaken hands. So the connection is cut from outside. Where that cannot be done QEMU goes on when the destination ends its own, which it is asked to
 * as soon as this rejects, and what is said here is done then.
 */
export async function beginSending(controls: Controls, to: Address): Promise<void> {
  const begun = watchFor(controls, beginMsMax, 'the beginning of the transfer', (event) =>
    event.kind === 'migration' && event.status !== 'setup' ? true : undefined,
  );
  try {
    await controls.execute('migrate', { uri: uriOf(to) });
    await begun.found;
  } catch (error) {
    // Not waited for: QEMU takes orders one after the other, and may take none for long.
    void controls.execute('migrate_cancel').catch(() => {});
    await cutConnections(to);
    throw error;
  } finally {
    begun.stop();
  }
}
