import { type Command, Option } from 'commander';
import type { FleetPart } from '../fleet/status.ts';
import type { Ending } from '../render/fault.ts';
import type { Column } from '../render/table.ts';
import type { Session } from '../session.ts';
import { type Registry, register, registerNoun } from './register.ts';

interface DownOptions {
  readonly force?: boolean;
  readonly remove?: boolean;
}

export function registerFleet(program: Command, registry: Registry): void {
  const noun = registerNoun(
    program,
    'fleet',
    'a whole fleet on this machine: bus, authority, three hosts, scheduler, clients',
  );
  register(noun, registry, {
    usage: 'up',
    summary: 'make the fleet where there is none, and start what does not run',
    details:
      'Hosts alpha and beta take VMs, gamma lacks the rule for it. The clients are operator, monitor and intruder.\n' +
      'Whoever has no certificate yet is enrolled by the authority, which is a process of its own.\n' +
      'Everything is in one folder: --fleet, else CARNET_FLEET, else ~/.local/state/carnet.',
    examples: ['carnet fleet up', 'carnet fleet up --fleet /tmp/my-fleet'],
    run: up,
  });
  register(noun, registry, {
    usage: 'guest',
    summary: 'put a small Linux guest into the pool of the fleet, and print its spec',
    details:
      'The guest counts on its console. It is made of Debian packages that are downloaded once and not installed.',
    examples: ['carnet fleet guest > web.yaml && carnet vm define web.yaml --host alpha'],
    run: guest,
  });
  register<DownOptions>(noun, registry, {
    usage: 'down',
    summary: 'stop the fleet',
    options: [
      new Option('--force', 'also end the VMs that run in it'),
      new Option('--remove', 'remove its folder, with images, checkpoints and keys'),
    ],
    examples: ['carnet fleet down', 'carnet fleet down --force --remove'],
    run: (session, _args, options) => down(session, options),
  });
  register(noun, registry, {
    usage: 'status',
    summary: 'show what of the fleet runs',
    details: 'Exit status 3 when a part of it does not run.',
    examples: ['carnet fleet status', 'carnet fleet status --json'],
    run: status,
  });
}

async function folder(session: Session): Promise<string> {
  const { fleetFolder } = await import('../client/config.ts');
  return fleetFolder(session.options, session.io.env);
}

async function up(session: Session): Promise<Ending | undefined> {
  const { fleetUp } = await import('../fleet/up.ts');
  const abort = new AbortController();
  const stopListening = session.io.onInterrupt(() => abort.abort());
  try {
    const root = await folder(session);
    const upped = await fleetUp(root, {
      onStep: (what) => session.note(`${what}\n`),
      signal: abort.signal,
    });
    const { started, ranAlready, enrolled } = upped;
    await session.show({
      key: 'fleet',
      value: { folder: root, started, ranAlready, enrolled },
      name: root,
      table: (style) => `${style.good('✓')} the fleet in ${root} runs${started.length === 0 ? ' already' : ''}\n`,
    });
    return undefined;
  } finally {
    stopListening();
  }
}

async function guest(session: Session): Promise<Ending | undefined> {
  const [{ openFleet }, { cacheFolder, placeGuest }, { ensureGuest }, { toYaml }] = await Promise.all([
    import('../fleet/folder.ts'),
    import('../fleet/guest-files.ts'),
    import('../guest/make-guest.ts'),
    import('../../../shared/config/write-config.ts'),
  ]);
  const { layout } = openFleet(await folder(session));
  const { spec, labelsBy } = await placeGuest(layout, await ensureGuest(cacheFolder(session.io.env)));
  session.note(`its files are in ${layout.pool}, labelled by ${labelsBy}\n`);
  await session.show({ key: 'spec', value: spec, name: spec.name, table: () => toYaml(spec) });
  return undefined;
}

async function down(session: Session, options: DownOptions): Promise<Ending | undefined> {
  const { fleetDown } = await import('../fleet/down.ts');
  const root = await folder(session);
  const downed = await fleetDown(root, { force: options.force === true, remove: options.remove === true });
  const ended = downed.vms.length === 0 ? '' : `, and with it the VMs ${downed.vms.join(', ')}`;
  await session.show({
    key: 'fleet',
    value: { folder: root, ...downed, removed: options.remove === true },
    name: root,
    table: (style) => {
      const what = downed.stopped.length === 0 ? 'did not run' : 'is stopped';
      return `${style.good('✓')} the fleet in ${root} ${what}${ended}${options.remove === true ? '; its folder is removed' : ''}\n`;
    },
  });
  return undefined;
}

const columns: readonly Column<FleetPart>[] = [
  { heading: 'part', cell: (row) => row.part },
  { heading: 'kind', cell: (row) => row.kind },
  {
    heading: 'state',
    cell: (row) => (row.running ? 'running' : 'not running'),
    paint: (text, row, style) => (row.running ? style.good(text) : style.bad(text)),
  },
  { heading: 'process', cell: (row) => (row.pid === null ? '-' : String(row.pid)), align: 'right' },
];

async function status(session: Session): Promise<Ending | undefined> {
  const { fleetStatus } = await import('../fleet/status.ts');
  const rows = fleetStatus(await folder(session));
  await session.list({ key: 'parts', rows, columns, name: (row) => row.part, empty: 'nothing' });
  return rows.every((row) => row.running) ? undefined : { is: 'no', status: 3 };
}
