import { type Command, Option } from 'commander';
import type { Ending } from '../render/fault.ts';
import type { Session } from '../session.ts';
import { type Registry, register, registerNoun } from './register.ts';

interface ShowOptions {
  readonly host?: string;
  readonly follow?: boolean;
}

export function registerOperation(program: Command, registry: Registry): void {
  const noun = registerNoun(program, 'operation', 'what was asked of hosts and how it went').alias('op');
  register(noun, registry, {
    usage: 'list',
    summary: 'list the operations you may see, newest first',
    examples: ['carnet operation list', 'carnet operation list -o jsonl'],
    run: list,
  });
  register<ShowOptions>(noun, registry, {
    usage: 'show <operation>',
    summary: 'show an operation with every decision that was taken',
    options: [
      new Option('--host <host>', 'the host to ask; otherwise all are asked'),
      new Option('-f, --follow', 'follow it until it ends'),
    ],
    examples: [
      'carnet operation show op-01jd3v8w9z6m2q4r5t7x8y9abc',
      'carnet operation show op-01jd3v8w9z6m2q4r5t7x8y9abc --follow',
    ],
    run: (session, [operation], options) => show(session, operation, options),
  });
}

async function list(session: Session): Promise<Ending | undefined> {
  const [{ listOfEveryHost }, { operationColumns }] = await Promise.all([
    import('./answered.ts'),
    import('../render/operation.ts'),
  ]);
  return listOfEveryHost(session, { verb: 'operations' }, 'operations', {
    key: 'operations',
    rows: (answers) =>
      answers
        .flatMap(({ operations }) => operations)
        .sort((a, b) => b.startedAtMs - a.startedAtMs || b.operation.localeCompare(a.operation)),
    columns: operationColumns,
    name: (row) => row.operation,
    empty: 'no operations',
  });
}

async function show(session: Session, text: string | undefined, options: ShowOptions): Promise<Ending | undefined> {
  const [{ askEveryHost }, { valid }, { hostName, operationId }, { followToEnd, showOperation }] = await Promise.all([
    import('../client/locate.ts'),
    import('./arguments.ts'),
    import('../../../shared/ids.ts'),
    import('./perform.ts'),
  ]);
  const operation = valid(operationId, text);
  const named = options.host === undefined ? undefined : valid(hostName, options.host);
  const client = await session.connect();
  const request = { verb: 'operation', operation } as const;
  const answers =
    named === undefined
      ? (await askEveryHost(client, request)).map(({ host, answer }) => ({ host: host.host, answer }))
      : [{ host: named, answer: await client.ask(named, request) }];
  // Both hosts of a migration know it. The one that was asked for it tells the whole story.
  const views = answers.flatMap(({ host, answer }) =>
    answer?.is === 'operation' ? [{ host, view: answer.operation }] : [],
  );
  const found = views.find(({ view }) => view.kind !== 'migrate-destination') ?? views[0];
  if (found === undefined) {
    const refusal = answers.find(({ answer }) => answer?.is === 'refused')?.answer;
    if (refusal?.is === 'refused') return { is: 'refused', decision: refusal.decision };
    return { is: 'fault', fault: { code: 'OPERATION_UNKNOWN', message: `no host knows ${operation}` } };
  }
  if (options.follow === true && found.view.outcome === null) {
    return followToEnd(session, found.host, operation, undefined);
  }
  await showOperation(session, found.view);
  return undefined;
}
