import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { genesis, hashOfLine, lineBytesMax, linkOf, recoveredMark } from '../../../shared/audit/chain.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import type { Label } from '../../../shared/label/label.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import type { Decision } from '../../../shared/vm/decision.ts';
import type { DecidedAbout } from '../runtime/ports.ts';
import { decisionId } from './decision-id.ts';
import { createGroupCommit } from './group-commit.ts';
import { type AuditRecord, policyLoadRecord, recordsOf } from './records.ts';
import { context, untrusted } from './text.ts';

/** The audit log of a host. Every promise resolves when the record would survive a power cut. */
export interface AuditLog {
  write(decision: Decision, about: DecidedAbout): Promise<void>;
  policyLoaded(outcome: { ok: boolean; seqno: number; digest?: string }): Promise<void>;
  /** The hash of the last record: what peers keep. */
  head(): string;
  close(): Promise<void>;
}

/**
 * Opens the log at `path`, or makes it: append only, readable by its owner alone, never through a symbolic link. One event,
 * that is one decision, has one serial number; events that wait at the same time are written and synced together. After a
 * write that failed nothing more is accepted, as the end of the file is not known: STORE_FAILED until it is opened again.
 */
export async function openAuditLog(options: {
  readonly path: string;
  /** The broker's own context: `subj` of every record. */
  readonly subject: Label;
  readonly clock: Clock;
}): Promise<AuditLog> {
  const file = await openFile(options.path);
  const tail = await tailOf(file).catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  let { head, serial } = tail;
  const sender = `pid=${process.pid} uid=${process.getuid?.() ?? 0} auid=4294967295 ses=4294967295 subj=${context(options.subject)}`;
  const origin = `exe=${untrusted(process.execPath)} sauid=${process.getuid?.() ?? 0} hostname=? addr=? terminal=?`;
  const commit = createGroupCommit(async (bytes) => {
    await file.appendFile(bytes);
    await file.datasync();
  });

  function append(records: readonly AuditRecord[], timeMs: number): Promise<void> {
    serial += 1;
    const time = `${Math.floor(timeMs / 1000)}.${String(timeMs % 1000).padStart(3, '0')}:${serial}`;
    const lines: string[] = [];
    let last = head;
    for (const { type, before, after } of records) {
      const line = `type=${type} msg=audit(${time}): ${sender} msg='${before} prev=${last} ${after} ${origin}'`;
      if (Buffer.byteLength(line) >= lineBytesMax) {
        return Promise.reject(new BrokerError('STORE_FAILED', 'a record is too long for the audit log'));
      }
      lines.push(line);
      last = hashOfLine(line);
    }
    head = last;
    return commit.add(`${lines.join('\n')}\n`);
  }

  if (tail.torn) {
    await commit.add('\n');
    await append([{ type: 'TRUSTED_APP', before: recoveredMark, after: 'res=1' }], options.clock.nowMs());
  }
  return {
    write: (decision, about) => append(recordsOf(decision, decisionId(decision), about), decision.decidedAtMs),
    policyLoaded: (outcome) => append([policyLoadRecord(outcome)], options.clock.nowMs()),
    head: () => head,
    async close() {
      await commit.settled();
      await file.close();
    },
  };
}

async function openFile(path: string): Promise<FileHandle> {
  const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    const file = await open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    const stat = await file.stat();
    if (stat.isFile() && stat.nlink === 1 && (stat.mode & 0o077) === 0) return file;
    await file.close();
  } catch (cause) {
    throw new BrokerError('STORE_FAILED', `the audit log ${path} cannot be opened`, { cause });
  }
  throw new BrokerError('STORE_FAILED', `the audit log ${path} is not a plain file of its owner alone`, {
    hint: 'it must have one link and mode 0600',
  });
}

/** Where the chain stands: the last line is read from the end of the file. `torn` is a line without its line feed. */
async function tailOf(file: FileHandle): Promise<{ head: string; serial: number; torn: boolean }> {
  const { size } = await file.stat();
  if (size === 0) return { head: genesis, serial: 0, torn: false };
  const length = Math.min(size, 2 * lineBytesMax);
  const buffer = Buffer.alloc(length);
  await file.read(buffer, 0, length, size - length);
  const torn = buffer.at(-1) !== 0x0a;
  const lines = buffer
    .subarray(0, torn ? length : length - 1)
    .toString('utf8')
    .split('\n');
  const last = lines.at(-1) ?? '';
  const link = linkOf(last) ?? (torn ? linkOf(lines.at(-2) ?? '') : undefined);
  if (link === undefined && !(torn && lines.length === 1)) {
    throw new BrokerError('STORE_FAILED', 'the audit log does not end in a record', {
      hint: 'keep the file as evidence, and start with a new one',
    });
  }
  return { head: hashOfLine(last), serial: link?.serial ?? 0, torn };
}
