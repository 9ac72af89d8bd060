import { fields, integer, pattern } from '../../../../shared/schema/schema.ts';
import type { VmEvent } from '../../runtime/ports.ts';
import { jobReply, migrationStatus, readReply } from './replies.ts';

/** An event Carnet knows, in its own words: what the port promises, and the block jobs of a checkpoint. */
export type QemuEvent = VmEvent | { readonly kind: 'job'; readonly id: string; readonly status: string };

const envelope = fields({ event: pattern(/^[A-Z][A-Z0-9_]*$/, 64, 'the name of an event') });
const timestamp = fields({ seconds: integer(0, Number.MAX_SAFE_INTEGER), microseconds: integer(-1, 999_999) });
const migrationData = fields({ status: migrationStatus });

/** Reads one event. Those Carnet has no use for are nothing; a malformed one throws QEMU_PROTOCOL. */
export function readEvent(message: Readonly<Record<string, unknown>>): QemuEvent | undefined {
  const name = readReply(envelope, message, 'event').event;
  const { seconds, microseconds } = readReply(timestamp, message['timestamp'], 'event time');
  const atMs = seconds * 1000 + Math.max(0, microseconds) / 1000;
  const data = message['data'];
  switch (name) {
    case 'STOP':
      return { kind: 'stopped', atMs };
    case 'RESUME':
      return { kind: 'resumed', atMs };
    case 'SHUTDOWN':
      return { kind: 'shutdown', atMs };
    case 'MIGRATION':
      return { kind: 'migration', status: readReply(migrationData, data, 'migration event').status, atMs };
    case 'JOB_STATUS_CHANGE': {
      const job = readReply(jobReply, data, 'job event');
      return { kind: 'job', id: job.id, status: job.status };
    }
    default:
      return undefined;
  }
}
