import { type Command, Option } from 'commander';
import type { Ending } from '../render/fault.ts';
import type { Session } from '../session.ts';
import { type Registry, register, registerNoun } from './register.ts';
import { checkpointRemove } from './verbs.ts';
import { registerVerb } from './vm.ts';

interface HostOption {
  readonly host?: string;
}

const hostOption = () => new Option('--host <host>', 'the host to ask; otherwise the one that took the checkpoint');
const example = 'cp-01jd3v8w9z6m2q4r5t7x8y9abc';

export function registerCheckpoint(program: Command, registry: Registry): void {
  const noun = registerNoun(program, 'checkpoint', 'saved states of virtual machines');
  register(noun, registry, {
    usage: 'list [vm]',
    summary: 'list the checkpoints you may see, newest first',
    examples: ['carnet checkpoint list', 'carnet checkpoint list web -o name'],
    run: (session, [vm]) => list(session, vm),
  });
  register<HostOption>(noun, registry, {
    usage: 'show <checkpoint>',
    summary: 'show the signed manifest of a checkpoint',
    options: [hostOption()],
    examples: [`carnet checkpoint show ${example}`],
    run: (session, [checkpoint], options) => show(session, checkpoint, options),
  });
  register<HostOption>(noun, registry, {
    usage: 'verify <checkpoint>',
    summary: 'check every byte of a checkpoint against its signed manifest',
    details: 'Exit status 9 when it differs.',
    options: [hostOption()],
    examples: [`carnet checkpoint verify ${example}`],
    run: (session, [checkpoint], options) => verify(session, checkpoint, options),
  });
  registerVerb(noun, registry, checkpointRemove);
}

async function list(session: Session, vmText: string | undefined): Promise<Ending | undefined> {
  const [{ askEveryHost, silentHosts }, { checkpointColumns }, { valid }, { vmName }] = await Promise.all([
    import('../client/locate.ts'),
    import('../render/checkpoint.ts'),
    import('./arguments.ts'),
    import('../../../shared/ids.ts'),
  ]);
  const vm = vmText === undefined ? undefined : valid(vmName, vmText);
  const answers = await askEveryHost(await session.connect(), {
    verb: 'checkpoint-list',
    ...(vm === undefined ? {} : { vm }),
  });
  // Hosts that share a store all list what is in it.
  const found = answers.flatMap(({ answer }) => (answer?.is === 'checkpoints' ? answer.checkpoints : []));
  const rows = [...new Map(found.map((summary) => [summary.checkpoint, summary])).values()];
  rows.sort((a, b) => b.takenAtMs - a.takenAtMs || b.checkpoint.localeCompare(a.checkpoint));
  await session.list({
    key: 'checkpoints',
    rows,
    columns: checkpointColumns,
    name: (row) => row.checkpoint,
    empty: 'no checkpoints',
  });
  const missing = silentHosts(answers, 'checkpoints');
  return missing.length === 0 ? undefined : { is: 'partial', missing };
}

/** Asks the host that has a checkpoint about it. */
async function askHolder(
  session: Session,
  verb: 'checkpoint-show' | 'checkpoint-verify',
  text: string | undefined,
  options: HostOption,
) {
  const [{ hostOfCheckpoint }, { valid }, { checkpointId, hostName }] = await Promise.all([
    import('../client/locate.ts'),
    import('./arguments.ts'),
    import('../../../shared/ids.ts'),
  ]);
  const checkpoint = valid(checkpointId, text);
  const named = options.host === undefined ? undefined : valid(hostName, options.host);
  const client = await session.connect();
  const host = named ?? (await hostOfCheckpoint(client, checkpoint));
  return { host, answer: await client.ask(host, { verb, checkpoint }) };
}

async function show(session: Session, text: string | undefined, options: HostOption): Promise<Ending | undefined> {
  const { host, answer } = await askHolder(session, 'checkpoint-show', text, options);
  if (answer.is === 'failed') return { is: 'fault', fault: answer.fault };
  if (answer.is === 'refused') return { is: 'refused', decision: answer.decision };
  if (answer.is !== 'checkpoint') return (await import('./perform.ts')).unexpected(host, answer.is);
  const { renderCheckpoint } = await import('../render/checkpoint.ts');
  await session.show({
    key: 'checkpoint',
    value: answer.checkpoint,
    name: answer.checkpoint.manifest.checkpoint,
    table: (style) => renderCheckpoint(answer.checkpoint, style),
  });
  return undefined;
}

async function verify(session: Session, text: string | undefined, options: HostOption): Promise<Ending | undefined> {
  const { host, answer } = await askHolder(session, 'checkpoint-verify', text, options);
  if (answer.is === 'failed') return { is: 'fault', fault: answer.fault };
  if (answer.is === 'refused') return { is: 'refused', decision: answer.decision };
  if (answer.is !== 'verified') return (await import('./perform.ts')).unexpected(host, answer.is);
  const { bytesText, durationText } = await import('../render/units.ts');
  const { checkpoint, bytes, ms } = answer;
  await session.show({
    key: 'verified',
    value: { checkpoint, host, bytes, ms },
    name: checkpoint,
    table: (style) =>
      `${style.good('✓')} ${checkpoint} is what its manifest says: ${bytesText(bytes)} checked on ${host} in ${durationText(ms)}\n`,
  });
  return undefined;
}
