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
  const [{ listOfEveryHost }, { checkpointColumns }, { valid }, { vmName }] = await Promise.all([
    import('./answered.ts'),
    import('../render/checkpoint.ts'),
    import('./arguments.ts'),
    import('../../../shared/ids.ts'),
  ]);
  const vm = vmText === undefined ? {} : { vm: valid(vmName, vmText) };
  return listOfEveryHost(session, { verb: 'checkpoint-list', ...vm }, 'checkpoints', {
    key: 'checkpoints',
    rows(answers) {
      // Hosts that share a store all list what is in it.
      const found = answers.flatMap(({ checkpoints }) => checkpoints);
      return [...new Map(found.map((summary) => [summary.checkpoint, summary])).values()].sort(
        (a, b) => b.takenAtMs - a.takenAtMs || b.checkpoint.localeCompare(a.checkpoint),
      );
    },
    columns: checkpointColumns,
    name: (row) => row.checkpoint,
    empty: 'no checkpoints',
  });
}

/** Asks the host that has a checkpoint about it. */
async function askHolder<I extends 'checkpoint' | 'verified'>(
  session: Session,
  verb: 'checkpoint-show' | 'checkpoint-verify',
  is: I,
  text: string | undefined,
  options: HostOption,
) {
  const [{ hostOfCheckpoint }, { valid }, { checkpointId, hostName }, { answered }] = await Promise.all([
    import('../client/locate.ts'),
    import('./arguments.ts'),
    import('../../../shared/ids.ts'),
    import('./answered.ts'),
  ]);
  const checkpoint = valid(checkpointId, text);
  const named = options.host === undefined ? undefined : valid(hostName, options.host);
  const client = await session.connect();
  const host = named ?? (await hostOfCheckpoint(client, checkpoint));
  return { host, got: answered(host, await client.ask(host, { verb, checkpoint }), is) };
}

async function show(session: Session, text: string | undefined, options: HostOption): Promise<Ending | undefined> {
  const { got } = await askHolder(session, 'checkpoint-show', 'checkpoint', text, options);
  if (!got.ok) return got.ending;
  const { renderCheckpoint } = await import('../render/checkpoint.ts');
  const value = got.answer.checkpoint;
  const name = value.manifest.checkpoint;
  await session.show({ key: 'checkpoint', value, name, table: (style) => renderCheckpoint(value, style) });
  return undefined;
}

async function verify(session: Session, text: string | undefined, options: HostOption): Promise<Ending | undefined> {
  const { host, got } = await askHolder(session, 'checkpoint-verify', 'verified', text, options);
  if (!got.ok) return got.ending;
  const { bytesText, durationText } = await import('../render/units.ts');
  const { checkpoint, bytes, ms } = got.answer;
  await session.show({
    key: 'verified',
    value: { checkpoint, host, bytes, ms },
    name: checkpoint,
    table: (style) =>
      `${style.good('✓')} ${checkpoint} is what its manifest says: ${bytesText(bytes)} checked on ${host} in ${durationText(ms)}\n`,
  });
  return undefined;
}
