import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { Shape } from '../../../../shared/schema/schema.ts';
import type { TransferFigures, TransferKey, VmProcess } from '../../runtime/ports.ts';
import { uriOf } from './address.ts';
import { beginSending } from './begin-sending.ts';
import { type Controls, migrationOf, watchFor } from './controls.ts';
import { sendExactly } from './exact-sending.ts';
import { credentialsId, forgetKey, installKey, removeKeyFiles } from './keys.ts';
import { capabilitiesFor, liftBandwidth, setCapabilities, setParameters } from './migration-settings.ts';
import { fieldOf, type MigrationStatus, migrateReply, ramReply, readList, readReply, socketReply } from './replies.ts';
import { migrationEnded } from './settled.ts';

const cancelMsMax = 10_000;

/** In post-copy, or about to go on with it. */
const pulled: readonly MigrationStatus[] = ['postcopy-active', 'postcopy-paused', 'postcopy-recover'];

/** Destination: see the port. The key's file is gone as soon as the source's channel stands. */
export async function listen(
  controls: Controls,
  address: string,
  key: TransferKey,
  { postcopy = false }: { readonly postcopy?: boolean } = {},
): Promise<{ port: number }> {
  const uri = uriOf({ address, port: 0 });
  await installKey(controls, 'server', key);
  try {
    await setCapabilities(controls, capabilitiesFor({ postcopy }));
    await setParameters(controls, { credentials: credentialsId });
    removeKeyWhenRead(controls);
    await controls.execute('migrate-incoming', { uri });
    return { port: await listeningPort(controls) };
  } catch (error) {
    await forgetKey(controls).catch(() => {});
    throw error;
  }
}

/** GnuTLS reads the server's key when the source says hello; the first news after that is that memory comes in. */
function removeKeyWhenRead(controls: Controls): void {
  const off = controls.onEvent((event) => {
    if (event.kind !== 'exited' && event.kind !== 'migration') return;
    if (event.kind === 'migration' && event.status === 'setup') return;
    off();
    removeKeyFiles(controls);
  });
}

/**
 * For a broker that came back: removes a key's file, once the source whose coming it may wait for is there. QEMU 7.2
 * gives no status at all while it listens, only with the events.
 */
export async function adoptKey(controls: Controls): Promise<void> {
  const { status } = await migrationOf(controls);
  if (status === 'none' || status === 'setup') removeKeyWhenRead(controls);
  else removeKeyFiles(controls);
}

async function listeningPort(controls: Controls): Promise<number> {
  const reply = await controls.execute('query-migrate');
  const [socket] = readList(fieldOf(reply, 'socket-address'), 16, 'list of listening sockets');
  const port = Number(readReply(socketReply, socket, 'listening socket').port);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  throw new BrokerError('QEMU_PROTOCOL', 'QEMU names no port it listens on');
}

/**
 * Source: see the port. Resolves when memory flows; what becomes of it is said by `migration` events, and the key is forgotten at
 * its end. An emulated
 * guest is paused for a moment at the beginning, and its downtime is not limited: see `exact-sending.ts`.
 */
export async function send(
  controls: Controls,
  to: Parameters<VmProcess['send']>[0],
  key: TransferKey,
  { autoConverge = false, allowPostcopy: postcopy = false, ...options }: Parameters<VmProcess['send']>[2],
): Promise<void> {
  uriOf(to);
  await installKey(controls, 'client', key);
  try {
    await setCapabilities(controls, capabilitiesFor({ autoConverge, postcopy }));
    const off = controls.onEvent((event) => {
      if (event.kind === 'exited') return off();
      if (event.kind !== 'migration' || !migrationEnded(event.status)) return;
      off();
      void forgetKey(controls).catch(() => {});
    });
    const parameters = { credentials: credentialsId, ...options };
    if (controls.record.accelerator === 'tcg') return await sendExactly(controls, to, parameters);
    await setParameters(controls, parameters);
    await beginSending(controls, to);
  } catch (error) {
    // Not waited for, as a QEMU that nobody shakes hands with takes no orders: see `begin-sending.ts`.
    void forgetKey(controls).catch(() => {});
    throw error;
  }
}

/**
 * Source: see the port. What QEMU has not sent of a paused guest only becomes less, so it gets to pre-switchover by itself.
 * The bandwidth is not limited any more, as in every switchover: the guest waits for it. An emulated guest loses no write by
 * this: QEMU collects what it dirtied when it is paused in any case, see `exact-sending.ts`.
 */
export async function forceSend(controls: Controls): Promise<void> {
  const { status } = await migrationOf(controls);
  if (alreadyPaused.includes(status)) return;
  if (status !== 'active' && status !== 'setup') {
    throw new BrokerError('VM_STATE', `the memory of ${controls.record.vm} is not being sent`);
  }
  await controls.execute('stop');
  await liftBandwidth(controls);
}

/**
 * Source: see the port. QEMU pauses the guest, comes to pre-switchover as in any migration, and begins post-copy when it is
 * told to go on there; where all was sent meanwhile there is nothing left to be pulled, and it completes as ever.
 */
export async function startPostcopy(controls: Controls): Promise<void> {
  const { status } = await migrationOf(controls);
  if (alreadyPaused.includes(status)) return;
  if (status !== 'active' && status !== 'setup') {
    throw new BrokerError('VM_STATE', `the memory of ${controls.record.vm} is not being sent`);
  }
  await controls.execute('migrate-start-postcopy');
}

/** QEMU has paused the guest by itself. */
const alreadyPaused: readonly MigrationStatus[] = ['pre-switchover', 'device', 'completed', ...pulled];

/** Source at pre-switchover: see the port. */
export async function switchOver(controls: Controls): Promise<void> {
  if (pulled.includes((await migrationOf(controls)).status)) return;
  await controls.execute('migrate-continue', { state: 'pre-switchover' });
}

/**
 * Source: gives the transfer up and waits until QEMU has; QEMU lets the guest go on by itself. VM_STATE where the
 * transfer is complete, or in post-copy: then the guest may run elsewhere, and going on is not for this command to say. A
 * `migrate_cancel` in post-copy would lose the guest.
 */
export async function cancelSend(controls: Controls): Promise<void> {
  if (await isOver(controls)) return refuseComplete(controls);
  await refusePulled(controls);
  await waitOver(controls, cancelMsMax, () => controls.execute('migrate_cancel'));
  await refuseComplete(controls);
}

async function refuseComplete(controls: Controls): Promise<void> {
  const { status } = await migrationOf(controls);
  if (status === 'completed') throw new BrokerError('VM_STATE', `the transfer of ${controls.record.vm} is complete`);
}

async function refusePulled(controls: Controls): Promise<void> {
  const { status } = await migrationOf(controls);
  if (pulled.includes(status)) throw new BrokerError('VM_STATE', `${controls.record.vm} is in post-copy`);
}

const isOver = async (controls: Controls): Promise<boolean> => migrationEnded((await migrationOf(controls)).status);

/** Waits until QEMU sends nothing any more, having given `order`. Rejects with QEMU_TIMEOUT when that takes `limitMs`. */
export async function waitOver(controls: Controls, limitMs: number, order?: () => Promise<unknown>): Promise<void> {
  const watch = watchFor(controls, limitMs, 'the end of the transfer', (event) =>
    event.kind === 'migration' && migrationEnded(event.status) ? true : undefined,
  );
  try {
    await order?.();
    if (!(await isOver(controls))) await watch.found;
  } finally {
    watch.stop();
  }
}

const noRam: Shape<typeof ramReply> = {
  transferred: 0,
  remaining: 0,
  total: 0,
  mbps: 0,
  'postcopy-bytes': 0,
  'dirty-sync-count': 0,
  'dirty-pages-rate': 0,
  'page-size': 0,
};

/** See the port. Where no transfer was ever begun the status is `none` and every figure zero. */
export async function figures({ execute }: Controls): Promise<TransferFigures> {
  const reply = await execute('query-migrate');
  const about = readReply(migrateReply, reply, 'migration status');
  const ram =
    fieldOf(reply, 'ram') === undefined ? noRam : readReply(ramReply, fieldOf(reply, 'ram'), 'memory figures');
  const throttle = about['cpu-throttle-percentage'];
  return {
    status: about.status ?? 'none',
    transferredBytes: ram.transferred,
    remainingBytes: ram.remaining,
    totalBytes: ram.total,
    bytesPerSecond: Math.round((ram.mbps * 1e6) / 8),
    passes: ram['dirty-sync-count'],
    postcopyBytes: ram['postcopy-bytes'],
    dirtyBytesPerSecond: ram['dirty-pages-rate'] * ram['page-size'],
    ...(throttle === undefined ? {} : { throttlePercent: throttle }),
    totalMs: about['total-time'] ?? 0,
    ...(about.downtime === undefined ? {} : { downtimeMs: about.downtime }),
    ...(about['error-desc'] === undefined ? {} : { error: about['error-desc'] }),
  };
}
