import { type Command, Option } from 'commander';
import type { Ending } from '../render/fault.ts';
import type { AskedHost } from '../render/host.ts';
import type { Session } from '../session.ts';
import type { DrainOptions } from './drain.ts';
import { type Registry, register, registerNoun } from './register.ts';

export function registerHost(program: Command, registry: Registry): void {
  const noun = registerNoun(program, 'host', 'the hosts of the fleet');
  register(noun, registry, {
    usage: 'list',
    summary: 'list the hosts, whether they answer and under which policy',
    examples: ['carnet host list', 'carnet host list --json'],
    async run(session) {
      const [{ askEveryHost }, { hostColumns }] = await Promise.all([
        import('../client/locate.ts'),
        import('../render/host.ts'),
      ]);
      const answers = await askEveryHost(await session.connect(), { verb: 'host' });
      const rows = answers
        .map(({ host, answer, problem }): AskedHost => {
          const about = { host: host.host, address: host.address };
          if (answer?.is === 'host') return { ...about, view: answer.host };
          return { ...about, problem: problem ?? (answer?.is === 'failed' ? answer.fault.message : 'no answer') };
        })
        .sort((a, b) => a.host.localeCompare(b.host));
      await session.list({
        key: 'hosts',
        rows,
        columns: hostColumns,
        name: (row) => row.host,
        empty: 'no host has announced itself',
      });
      const missing = rows.filter((row) => row.view === undefined).map((row) => row.host);
      return missing.length === 0 ? undefined : { is: 'partial', missing };
    },
  });
  register(noun, registry, {
    usage: 'show <host>',
    summary: 'show a host in full: how busy it is, whether it is being drained, and its policy',
    examples: ['carnet host show alpha', 'carnet host show alpha --json'],
    run: (session, [host]) => show(session, host),
  });
  register<DrainOptions>(noun, registry, {
    usage: 'drain <host>',
    summary: 'move every VM away from a host, which takes nothing in any more',
    details:
      'Says first which VMs have nowhere to go, and the rule that is missing; then nothing is done unless --partial is said. Ctrl-C leaves the migrations running, and the same command goes on with them. VMs that are stopped stay. Exit status 3 when some VMs are left.',
    options: [
      new Option('--dry-run', 'only say where each VM could go, and why not elsewhere'),
      new Option('--partial', 'move those that have somewhere to go, and leave the others'),
      new Option('--cancel', 'give up the migrations that a drain began, and let the host take VMs in again').conflicts(
        ['dryRun', 'partial'],
      ),
    ],
    examples: ['carnet host drain alpha --dry-run', 'carnet host drain alpha', 'carnet host drain alpha --cancel'],
    async run(session, [host], options) {
      const { drain } = await import('./drain.ts');
      return drain(session, await named(host), options);
    },
  });
  register(noun, registry, {
    usage: 'undrain <host>',
    summary: 'let a host that was drained take VMs in again; what is under way goes on',
    examples: ['carnet host undrain alpha'],
    run: (session, [host]) => undrain(session, host),
  });
}

async function named(text: string | undefined) {
  const [{ valid }, { hostName }] = await Promise.all([import('./arguments.ts'), import('../../../shared/ids.ts')]);
  return valid(hostName, text);
}

async function show(session: Session, text: string | undefined): Promise<Ending | undefined> {
  const [host, { answered }, { renderHost }] = await Promise.all([
    named(text),
    import('./answered.ts'),
    import('../render/host.ts'),
  ]);
  const client = await session.connect();
  const record = (await client.hosts()).find((one) => one.host === host);
  const got = answered(host, await client.ask(host, { verb: 'host' }), 'host');
  if (!got.ok) return got.ending;
  const view = got.answer.host;
  await session.show({
    key: 'host',
    value: view,
    name: host,
    table: (style) => renderHost({ host, address: record?.address ?? '-', view }, style),
  });
  return undefined;
}

async function undrain(session: Session, text: string | undefined): Promise<Ending | undefined> {
  const [host, { answered }] = await Promise.all([named(text), import('./answered.ts')]);
  const client = await session.connect();
  const got = answered(host, await client.ask(host, { verb: 'undrain' }), 'done');
  if (!got.ok) return got.ending;
  session.note(`${session.noteStyle.good('✓')} ${host} takes VMs in again\n`);
  return undefined;
}
