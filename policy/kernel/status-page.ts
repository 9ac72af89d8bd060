import { unavailable } from './faults.ts';
import type { Selinuxfs } from './selinuxfs.ts';

/** What the kernel tells of itself without being asked a question (linux, security/selinux/include/security.h, selinux_kernel_status). */
export interface KernelStatus {
  /** Grows with whatever of this changes: who keeps answers forgets them when it does. */
  readonly sequence: number;
  readonly enforcing: boolean;
  /** The sequence number of the last load or change of booleans; 0 when there was none since the page was first looked at. */
  readonly policyload: number;
  readonly denyUnknown: boolean;
}

const pageBytes = 20;
const sequenceAt = { offset: 4, length: 4 };
const attemptsMax = 100;

/**
 * Reads the status page. The kernel makes the sequence odd while it writes; without a shared mapping the rule of such a
 * lock is kept by three reads: sequence, page, sequence. They hold together when the sequence is even and the same.
 * @throws BrokerError POLICY_UNAVAILABLE when it cannot be read, is of another version, or never holds still.
 */
export function readStatus(fs: Selinuxfs): KernelStatus {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const reply = fs.readPieces('status', [sequenceAt, { offset: 0, length: pageBytes }, sequenceAt]);
    if (!reply.ok) throw unavailable('the status page cannot be read', reply.errno);
    const [before, page, after] = reply.value.map((bytes) => new Uint32Array(Uint8Array.from(bytes).buffer));
    const [version, sequence = 0, enforcing, policyload = 0, denyUnknown] = page ?? [];
    if (version !== 1) throw unavailable(`the status page is of version ${version}`, 'EBADMSG');
    if (sequence % 2 !== 0 || before?.[0] !== sequence || after?.[0] !== sequence) continue;
    return { sequence, enforcing: enforcing !== 0, policyload, denyUnknown: denyUnknown !== 0 };
  }
  throw unavailable('the status page is always being written', 'EAGAIN');
}
