import { existsSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { TransferKey } from '../../runtime/ports.ts';
import type { Controls } from './controls.ts';

/** QEMU's name for the credentials of the transfer that is set up or under way. */
export const credentialsId = 'carnet-transfer';

const prefix = 'psk-';
/** TLS 1.3 with a pre-shared key and nothing else; AES-128-GCM is what both ends do in hardware. */
const priority = 'NORMAL:-CIPHER-ALL:+AES-128-GCM:-VERS-TLS-ALL:+VERS-TLS1.3:+DHE-PSK:+ECDHE-PSK:+PSK';
const identityForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * Gives QEMU the key of one transfer. QEMU takes it from a file only, which is made in the VM's private directory. As
 * the client QEMU has read it when this resolves and it is gone; as the server GnuTLS reads it when the peer says hello,
 * so that the caller removes it with `removeKeyFiles` once the channel is up.
 */
export async function installKey(controls: Controls, endpoint: 'client' | 'server', key: TransferKey): Promise<void> {
  if (!identityForm.test(key.identity) || key.key.length < 16 || key.key.length > 64) {
    throw new BrokerError('INTERNAL', 'the key of a transfer does not have the form of one');
  }
  await forgetKey(controls);
  const dir = await mkdtemp(join(controls.place.dir, prefix));
  try {
    const line = `${key.identity}:${Buffer.from(key.key).toString('hex')}\n`;
    await writeFile(join(dir, 'keys.psk'), line, { mode: 0o600, flag: 'wx' });
    const common = { 'qom-type': 'tls-creds-psk', id: credentialsId, dir, endpoint, priority };
    await controls.execute('object-add', endpoint === 'client' ? { ...common, username: key.identity } : common);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
  if (endpoint === 'client') await rm(dir, { recursive: true, force: true });
}

/** Removes the key's file; a QEMU that has read it keeps what it read. At once, so that nothing comes in between. */
export function removeKeyFiles({ place }: Pick<Controls, 'place'>): void {
  if (!existsSync(place.dir)) return;
  for (const name of readdirSync(place.dir).filter((each) => each.startsWith(prefix))) {
    rmSync(join(place.dir, name), { recursive: true, force: true });
  }
}

/** Takes the key away from QEMU, and its file, where there is one. */
export async function forgetKey(controls: Controls): Promise<void> {
  removeKeyFiles(controls);
  await controls.execute('object-del', { id: credentialsId }).catch((error) => {
    if (!(error instanceof BrokerError) || error.code !== 'QEMU_REFUSED') throw error;
  });
}
