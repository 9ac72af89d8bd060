import type { Command } from 'commander';
import type { AskedHost } from '../render/host.ts';
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
}
