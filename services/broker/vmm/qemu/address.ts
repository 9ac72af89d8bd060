import { execFile } from 'node:child_process';
import { isIP, isIPv6 } from 'node:net';
import { promisify } from 'node:util';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';

/** Where the QEMU of a destination listens. */
export interface Address {
  readonly address: string;
  readonly port: number;
}

const hostForm = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const bracketed = (address: string) => (isIPv6(address) ? `[${address}]` : address);

/** As QEMU takes it. It parses options out of this text, so nothing but an address goes in. */
export function uriOf({ address, port }: Address): string {
  const known = isIP(address) !== 0 || hostForm.test(address);
  if (!known || !Number.isInteger(port) || port < 0 || port > 65535) {
    throw new BrokerError('TRANSFER_FAILED', `${address}:${port} is not an address to transfer to`);
  }
  return `tcp:${bracketed(address)}:${port}`;
}

const cutMsMax = 2_000;

/**
 * Cuts every connection of this host to that address, whatever process has it: whoever waits on one is told that it is
 * broken. It takes root, `ss` (of iproute2), and a kernel with INET_DIAG_DESTROY; without them nothing happens.
 */
export async function cutConnections({ address, port }: Address): Promise<void> {
  if (isIP(address) === 0) return;
  const which = ['dst', bracketed(address), 'dport', '=', `:${port}`];
  await promisify(execFile)('ss', ['--kill', '--no-header', '--numeric', '--tcp', ...which], {
    timeout: cutMsMax,
  }).catch(() => {});
}
