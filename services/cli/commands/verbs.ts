import { Option } from 'commander';
import type { HostName } from '../../../shared/ids.ts';
import type { Action } from '../../../shared/messages/request.ts';
import type { Client } from '../client/client.ts';

/** Options of the verbs that ask a host to do something. */
export interface VerbOptions {
  readonly host?: string;
  readonly force?: boolean;
  readonly bandwidth?: string;
  readonly downtimeMax?: string;
  readonly autoConverge?: boolean;
  readonly timeout?: string;
  readonly onTimeout?: string;
  readonly allowPostcopy?: boolean;
  readonly priority?: string;
  readonly queueTimeout?: string;
}

/** What is to be asked, and of whom; both only once a client is connected. */
export interface Intent {
  readonly action: Action;
  host(client: Client): Promise<HostName>;
}

/** A verb on VMs or checkpoints that changes something. Each can be done, or asked about with `explain`. */
export interface Verb {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly details?: string;
  readonly options: readonly Option[];
  /** The arguments of an example. */
  readonly example: string;
  intent(args: readonly (string | undefined)[], options: VerbOptions): Promise<Intent>;
}

const intents = () => import('./intents.ts');
const onHost = (text: string) => new Option('--host <host>', text);

/** In the order a VM lives through them. */
export const vmVerbs: readonly Verb[] = [
  {
    name: 'define',
    usage: 'define <file>',
    summary: 'make a VM known to a host, from a YAML file',
    details:
      'README.md shows a file with every field; - reads it from stdin. The label of the first disk decides the label of the VM.',
    options: [onHost('the host that will run it; needed where there is more than one')],
    example: 'define web.yaml --host alpha',
    intent: async ([file], options) => (await intents()).define(file, options),
  },
  {
    name: 'delete',
    usage: 'delete <vm>',
    summary: 'forget a VM that does not run; its images and checkpoints stay',
    options: [],
    example: 'delete web',
    intent: async ([vm]) => (await intents()).onVm('delete', vm),
  },
  {
    name: 'start',
    usage: 'start <vm>',
    summary: 'start a VM in the label its boot disk gives it',
    options: [],
    example: 'start web',
    intent: async ([vm]) => (await intents()).onVm('start', vm),
  },
  {
    name: 'stop',
    usage: 'stop <vm>',
    summary: 'ask the guest to power down',
    options: [new Option('--force', 'end its hypervisor at once')],
    example: 'stop web',
    intent: async ([vm], options) => (await intents()).stop(vm, options),
  },
  {
    name: 'suspend',
    usage: 'suspend <vm>',
    summary: 'pause the guest where it is, in memory',
    options: [],
    example: 'suspend web',
    intent: async ([vm]) => (await intents()).onVm('suspend', vm),
  },
  {
    name: 'resume',
    usage: 'resume <vm>',
    summary: 'let a suspended guest run again',
    options: [],
    example: 'resume web',
    intent: async ([vm]) => (await intents()).onVm('resume', vm),
  },
  {
    name: 'migrate',
    usage: 'migrate <vm> <host>',
    summary: 'move a running VM to another host while it runs',
    details: [
      [
        'Both hosts ask their policy before a byte is sent, and again at switchover. A host that sends, or takes in, as many VMs as it',
        'may lets the others wait; `carnet operation list` shows where they stand.',
      ].join(' '),
      [
        'A guest that writes faster than its memory can be sent is never through. --auto-converge has QEMU slow it down, more and',
        'more, by up to 99 %; an emulated guest is sent in one pass, so nothing slows it down. --on-timeout force pauses it when the',
        'time is over, and `carnet operation force` at any time: the rest is sent in one go, without the bandwidth limit, and the',
        'guest waits as long as that takes. If it fails the guest goes on where it was.',
      ].join(' '),
      [
        'Where no byte is sent for a minute the migration is given up, whatever was asked for; where it has come no nearer to its',
        'end for five minutes, that is taken for its timeout.',
      ].join(' '),
      [
        'With --allow-postcopy the guest runs at the destination when the time is over, or with `carnet operation force --postcopy` at',
        'once, and gets what is missing of its memory from the source. Until it has all of it, it is on two hosts: when either of them, its',
        'QEMU or the way between them fails, its memory is lost, it is a stopped VM, and nothing is restored by itself. So it is refused',
        'unless this host has a recent checkpoint of the VM, and it can be neither cancelled nor forced any more.',
      ].join(' '),
    ].join('\n\n'),
    options: [
      new Option('--bandwidth <bytes>', 'send no more than this a second, such as 64MiB, while the guest runs'),
      new Option(
        '--downtime-max <time>',
        'switch over when the guest would be paused no longer than this, up to 1min; an emulated one is paused as long as it takes',
      ).default('300ms'),
      new Option('--auto-converge', 'slow the guest down where it writes faster than can be sent'),
      new Option('--timeout <time>', 'how long sending may take, from its beginning, 1s to 24h (default: 60min)'),
      new Option(
        '--on-timeout <action>',
        'what is done then (default: abort, or postcopy where it is allowed)',
      ).choices(['abort', 'force', 'postcopy']),
      new Option('--allow-postcopy', 'let it run there before all of its memory is there: see above what that risks'),
      new Option('--priority <number>', '0 to 9: of those that wait for their turn, higher ones go first (default: 5)'),
      new Option('--queue-timeout <time>', 'how long it may wait for its turn, at most 24h (default: 10min)'),
    ],
    example: 'migrate web beta --bandwidth 64MiB --timeout 10min --on-timeout force',
    intent: async ([vm, host], options) => (await intents()).migrate(vm, host, options),
  },
  {
    name: 'save',
    usage: 'save <vm>',
    summary: 'take a checkpoint of a running VM, which goes on',
    options: [],
    example: 'save web',
    intent: async ([vm]) => (await intents()).onVm('save', vm),
  },
  {
    name: 'restore',
    usage: 'restore <checkpoint>',
    summary: 'run a VM again from a checkpoint, by a fresh decision',
    options: [onHost('the host to run it on; otherwise the one that took the checkpoint')],
    example: 'restore cp-01jd3v8w9z6m2q4r5t7x8y9abc --host alpha',
    intent: async ([checkpoint], options) => (await intents()).restore(checkpoint, options),
  },
];

/** The one verb on checkpoints that changes something. */
export const checkpointRemove: Verb = {
  name: 'rm',
  usage: 'rm <checkpoint>',
  summary: 'remove a checkpoint for good',
  details: 'A checkpoint that a running VM still maps is kept.',
  options: [onHost('the host to ask; otherwise the one that took the checkpoint')],
  example: 'rm cp-01jd3v8w9z6m2q4r5t7x8y9abc',
  intent: async ([checkpoint], options) => (await intents()).removeCheckpoint(checkpoint, options),
};
