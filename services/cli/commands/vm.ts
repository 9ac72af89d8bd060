import { type Command, Option } from 'commander';
import type { Ending } from '../render/fault.ts';
import type { Session } from '../session.ts';
import type { WaitOptions } from './perform.ts';
import type { RecoverOptions } from './recover.ts';
import { type Registry, register, registerNoun } from './register.ts';
import { type Verb, type VerbOptions, vmVerbs } from './verbs.ts';

/** Options of every verb that does something. */
const doingOptions = (): Option[] => [
  new Option('--no-wait', 'print the id of the operation and do not follow it'),
  new Option('--timeout <time>', 'stop following after this long, such as 5min; the operation goes on'),
  new Option('--dry-run', 'only say what would be decided, as `carnet explain` does'),
];

/** Registers a verb that does something under its noun. An option of its own stands for the one of the same name. */
export function registerVerb(noun: Command, registry: Registry, verb: Verb): void {
  const own = new Set(verb.options.map(({ long }) => long));
  register<VerbOptions & WaitOptions>(noun, registry, {
    usage: verb.usage,
    summary: verb.summary,
    ...(verb.details === undefined ? {} : { details: verb.details }),
    options: [...verb.options, ...doingOptions().filter(({ long }) => !own.has(long))],
    examples: [`carnet ${noun.name()} ${verb.example}`],
    async run(session, args, options) {
      const { perform } = await import('./perform.ts');
      const { timeout, ...others } = options;
      const followFor = timeout === undefined || own.has('--timeout') ? {} : { timeout };
      return perform(session, await verb.intent(args, options), { ...others, ...followFor });
    },
  });
}

export function registerVm(program: Command, registry: Registry): void {
  const noun = registerNoun(program, 'vm', 'virtual machines');
  for (const verb of vmVerbs) registerVerb(noun, registry, verb);
  register<RecoverOptions>(noun, registry, {
    usage: 'recover <vm>',
    summary: 'take a VM over from a host that has died for good',
    details:
      'Without --fence-confirmed it only says what would be done and what it risks, and ends with 2. With it, whoever sits at a\n' +
      'terminal is asked for the name of the host first; --yes, or no terminal, goes on without.\n' +
      'Where the owner records have no three copies, every other host is asked whether it has the VM: one that has it keeps it, and\n' +
      'one that does not answer has to come back, or to be off as well.',
    options: [
      new Option('--fence-confirmed', 'the host is off for good, or cut off from the disks: you have made sure'),
      new Option(
        '--also-fenced <host>',
        'this one does not answer and is off as well; may be given several times',
      ).argParser((host: string, before: string[] | undefined) => [...(before ?? []), host]),
      new Option('--host <host>', 'the host that takes it over; otherwise one that lists it'),
      new Option('--memory <choice>', 'of a guest in doubt: go on from its memory, or give that up').choices([
        'keep',
        'drop',
      ]),
      new Option('-y, --yes', 'do not ask'),
    ],
    examples: [
      'carnet vm recover web',
      'carnet vm recover web --fence-confirmed --host alpha',
      'carnet vm recover web --fence-confirmed --also-fenced gamma',
    ],
    run: async (session, [vm], options) => (await import('./recover.ts')).recover(session, vm, options),
  });
  register(noun, registry, {
    usage: 'list',
    summary: 'list the VMs of all hosts that you may see',
    examples: ['carnet vm list', 'carnet vm list -o name'],
    run: list,
  });
  register(noun, registry, {
    usage: 'show <vm>',
    summary: 'show a VM in full',
    details: 'A VM that waits is shown with what for, since when, and what would help.',
    options: [new Option('--host <host>', 'the host to ask; otherwise its owner, or one that has something of it')],
    examples: ['carnet vm show web', 'carnet vm show web --json'],
    run: (session, [vm], { host }: { host?: string }) => show(session, vm, host),
  });
}

async function list(session: Session): Promise<Ending | undefined> {
  const [{ listOfEveryHost }, { vmColumns }] = await Promise.all([import('./answered.ts'), import('../render/vm.ts')]);
  return listOfEveryHost(session, { verb: 'list' }, 'vms', {
    key: 'vms',
    rows: (answers) =>
      answers.flatMap(({ vms }) => vms).sort((a, b) => a.vm.localeCompare(b.vm) || a.host.localeCompare(b.host)),
    columns: vmColumns,
    name: (row) => row.vm,
    empty: 'no VMs',
  });
}

async function show(
  session: Session,
  vmText: string | undefined,
  hostText: string | undefined,
): Promise<Ending | undefined> {
  const [{ askHostOfVm }, { renderVm }, { valid }, { hostName, vmName }, { answered }] = await Promise.all([
    import('../client/locate.ts'),
    import('../render/vm.ts'),
    import('./arguments.ts'),
    import('../../../shared/ids.ts'),
    import('./answered.ts'),
  ]);
  const vm = valid(vmName, vmText);
  const client = await session.connect();
  const named = hostText === undefined ? undefined : valid(hostName, hostText);
  const { host, answer } = await askHostOfVm(client, vm, { verb: 'show', vm }, named);
  const got = answered(host, answer, 'vm');
  if (!got.ok) return got.ending;
  const value = got.answer.vm;
  await session.show({ key: 'vm', value, name: value.vm, table: (style) => renderVm(value, style) });
  return undefined;
}
