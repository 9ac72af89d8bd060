import { type Command, Option } from 'commander';
import type { Ending } from '../render/fault.ts';
import type { Session } from '../session.ts';
import { type Registry, register, registerNoun } from './register.ts';

interface VerifyOptions {
  readonly head?: string;
}

export function registerAudit(program: Command, registry: Registry): void {
  const noun = registerNoun(program, 'audit', 'the audit log of a host');
  register<VerifyOptions>(noun, registry, {
    usage: 'verify <file>',
    summary: 'check that no record of an audit log was changed, removed or moved',
    details:
      'Needs no fleet. Prints the hash of the last record: keep it elsewhere, and give it with --head the next time, so that a log that was cut or replaced shows too. Exit status 9 when the log is not what it was.',
    options: [new Option('--head <sha256>', 'the hash of a record the log must still hold')],
    examples: ['carnet audit verify /var/lib/carnet/audit.log', 'carnet audit verify audit.log --head 5f2c…'],
    run: (session, [file], options) => verify(session, file ?? '', options),
  });
}

async function verify(session: Session, file: string, options: VerifyOptions): Promise<Ending | undefined> {
  const [{ verifyAuditLog }, { valid }, { sha256Hex }] = await Promise.all([
    import('../../../shared/audit/verify.ts'),
    import('./arguments.ts'),
    import('../../../shared/ids.ts'),
  ]);
  const head = options.head === undefined ? undefined : valid(sha256Hex, options.head);
  const found = await verifyAuditLog(file, head).catch((error: unknown) => {
    const message = `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { ok: false, message } as const;
  });
  if (!found.ok) {
    if ('message' in found) return { is: 'fault', fault: { code: 'USAGE_INVALID', message: found.message } };
    const message = `${file}:${found.line}: ${found.problem}`;
    return { is: 'fault', fault: { code: 'AUDIT_BROKEN', message, hint: 'keep the file as evidence' } };
  }
  await session.show({
    key: 'audit',
    value: { file, records: found.records, head: found.head },
    name: found.head,
    table: (style) =>
      `${style.good('✓')} ${file}: ${found.records} records, each names the one before it\nhead ${found.head}\n`,
  });
  return undefined;
}
