import { type Command, Option } from 'commander';
import type { HostName, OperationId } from '../../../shared/ids.ts';
import type { OperationView } from '../../../shared/messages/view.ts';
import type { Ending } from '../render/fault.ts';
import type { Session } from '../session.ts';
import { type Registry, register, registerNoun } from './register.ts';

interface HostOption {
  readonly host?: string;
}

interface ForceOptions extends HostOption {
  readonly postcopy?: boolean;
}

interface ShowOptions extends HostOption {
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
  register<HostOption>(noun, registry, {
    usage: 'cancel <operation>',
    summary: 'give an operation up, in any phase in which it can be: the VM stays where it was',
    options: [new Option('--host <host>', 'the host to ask; otherwise the one that was asked for it')],
    examples: ['carnet operation cancel op-01jd3v8w9z6m2q4r5t7x8y9abc'],
    run: (session, [operation], options) => interfere(session, 'cancel', operation, options),
  });
  register<ForceOptions>(noun, registry, {
    usage: 'force <operation>',
    summary: 'pause the guest of a migration that is sending memory, so that the rest is sent in one go',
    details: [
      'The guest waits until everything is sent, without the bandwidth limit, and then runs at the destination. If that fails, or is',
      'cancelled, or takes longer than five minutes, it goes on where it was. Whoever may cancel a migration may force it; twice is once.',
      'With --postcopy it runs at the destination at once, and the rest follows; that must have been allowed with --allow-postcopy, which\nsays what it risks.',
    ].join(' '),
    options: [
      new Option('--postcopy', 'run the guest at the destination before all of its memory is there'),
      new Option('--host <host>', 'the host to ask; otherwise the one that was asked for it'),
    ],
    examples: [
      'carnet operation force op-01jd3v8w9z6m2q4r5t7x8y9abc',
      'carnet operation force op-01jd3v8w9z6m2q4r5t7x8y9abc --postcopy',
    ],
    run: (session, [operation], options) => interfere(session, 'force', operation, options),
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

type Client = Awaited<ReturnType<Session['connect']>>;

/** Where an operation is: both hosts of a migration know it, and the one that was asked for it tells the whole story. */
async function find(
  client: Client,
  operation: OperationId,
  named: HostName | undefined,
): Promise<{ host: HostName; view: OperationView } | Ending> {
  const { askEveryHost } = await import('../client/locate.ts');
  const request = { verb: 'operation', operation } as const;
  const answers =
    named === undefined
      ? (await askEveryHost(client, request)).map(({ host, answer }) => ({ host: host.host, answer }))
      : [{ host: named, answer: await client.ask(named, request) }];
  const views = answers.flatMap(({ host, answer }) =>
    answer?.is === 'operation' ? [{ host, view: answer.operation }] : [],
  );
  const found = views.find(({ view }) => view.kind !== 'migrate-destination') ?? views[0];
  if (found !== undefined) return found;
  const refusal = answers.find(({ answer }) => answer?.is === 'refused')?.answer;
  if (refusal?.is === 'refused') return { is: 'refused', decision: refusal.decision };
  return { is: 'fault', fault: { code: 'OPERATION_UNKNOWN', message: `no host knows ${operation}` } };
}

async function named(text: string | undefined, options: HostOption) {
  const [{ valid }, { hostName, operationId }] = await Promise.all([
    import('./arguments.ts'),
    import('../../../shared/ids.ts'),
  ]);
  return {
    operation: valid(operationId, text),
    host: options.host === undefined ? undefined : valid(hostName, options.host),
  };
}

async function show(session: Session, text: string | undefined, options: ShowOptions): Promise<Ending | undefined> {
  const { followToEnd, showOperation } = await import('./perform.ts');
  const { operation, host } = await named(text, options);
  const found = await find(await session.connect(), operation, host);
  if ('is' in found) return found;
  if (options.follow === true && found.view.outcome === null) {
    return followToEnd(session, found.host, operation, undefined);
  }
  await showOperation(session, found.view);
  return undefined;
}

const done = { cancel: 'is cancelled', force: 'is forced: its guest is paused until the rest is sent' } as const;
const pulled = 'is forced: its guest runs at the destination as soon as it can, and the rest of its memory follows';

/** Cancels or forces an operation where it was asked for; one that cannot be any more says so. */
async function interfere(
  session: Session,
  verb: keyof typeof done,
  text: string | undefined,
  options: ForceOptions,
): Promise<Ending | undefined> {
  const { answered } = await import('./answered.ts');
  const { operation, host } = await named(text, options);
  const client = await session.connect();
  const found = await find(client, operation, host);
  if ('is' in found) return found;
  const postcopy = verb === 'force' && options.postcopy === true;
  const request = { verb, operation, ...(postcopy ? { postcopy } : {}) };
  const answer = answered(found.host, await client.ask(found.host, request), 'done');
  if (!answer.ok) return answer.ending;
  session.note(`${session.noteStyle.good('✓')} ${operation} ${postcopy ? pulled : done[verb]}, on ${found.host}\n`);
  return undefined;
}
