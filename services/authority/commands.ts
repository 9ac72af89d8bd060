import { randomBytes } from 'node:crypto';
import { formatToken } from '../../shared/messages/enrol-form.ts';
import { createAuthority, loadAuthority, saveAuthority } from '../../shared/pki/authority.ts';
import { createIdentity, saveIdentity } from '../../shared/pki/identity.ts';
import { describePrincipal, type Principal } from '../../shared/pki/principal.ts';
import { systemClock } from '../../shared/time/clock.ts';
import { withRecords } from './records.ts';
import { claimName, createToken } from './tokens.ts';
import { type Command, usage } from './usage.ts';

type CommandOf<Is extends Command['is']> = Extract<Command, { is: Is }>;

/** Runs a command and answers with what to print. `ended` resolves when a service is to stop. */
export function runCommand(command: Command, ended: () => Promise<unknown>): Promise<string> {
  switch (command.is) {
    case 'help':
      return Promise.resolve(usage);
    case 'init':
      return init(command);
    case 'token':
      return token(command);
    case 'issue':
      return issue(command);
    case 'list':
      return list(command);
    case 'serve':
      return serve(command, ended);
  }
}

async function init({ directory, fleet }: CommandOf<'init'>): Promise<string> {
  const authority = await createAuthority({ fleet, nowMs: systemClock.nowMs() });
  await saveAuthority(directory, authority);
  return `made the authority of fleet ${fleet}, SHA-256 ${authority.fingerprint}\n`;
}

async function token({ directory, holders, addresses, ...lifetimes }: CommandOf<'token'>): Promise<string> {
  const authority = await loadAuthority(directory);
  const nowMs = systemClock.nowMs();
  return withRecords(directory, async (records) => {
    const make = (holder: Principal) => {
      const about = { ...lifetimes, holder, nowMs, addresses: holder.role === 'host' ? addresses : [] };
      return `${formatToken(createToken(records, authority, about, randomBytes))}\n`;
    };
    return records.transaction(() => holders.map(make).join(''));
  });
}

async function issue(command: CommandOf<'issue'>): Promise<string> {
  const { directory, holder, addresses, certificateLifetimeMs: lifetimeMs, to } = command;
  const authority = await loadAuthority(directory);
  return withRecords(directory, async (records) => {
    const nowMs = systemClock.nowMs();
    records.transaction(() => claimName(records, holder));
    const identity = await createIdentity(authority, { ...holder, nowMs, lifetimeMs, addresses });
    await saveIdentity(to, identity);
    const fingerprint = identity.certificateFingerprint;
    records.holders.put(holder.name, { ...holder, fingerprint, notAfterMs: nowMs + lifetimeMs });
    return `issued to ${describePrincipal(holder)}, SHA-256 ${fingerprint}\n`;
  });
}

const list = ({ directory }: CommandOf<'list'>): Promise<string> =>
  withRecords(directory, async (records) =>
    records.holders
      .entries()
      .map(({ value: { role, name, fingerprint, notAfterMs } }) =>
        [role, name, fingerprint ?? '-', fingerprint === null ? '-' : new Date(notAfterMs).toISOString()].join('\t'),
      )
      .concat('')
      .join('\n'),
  );

/** What a service needs is loaded only for it: tokens are made often, and while people wait. */
async function serve(command: CommandOf<'serve'>, ended: () => Promise<unknown>): Promise<string> {
  const service = await import('./serve.ts');
  await service.serve(command, ended);
  return '';
}
