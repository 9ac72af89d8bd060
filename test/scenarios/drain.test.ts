import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { ask, consoleEnds, isStopped, kill, restartBroker, settled, startAgain, until } from './faults/acts.ts';
import { otherThan } from './faults/hosts.ts';
import { runningSomewhere } from './faults/play.ts';
import { disagreements, leftovers, miscounts, runners } from './faults/whole.ts';
import { openWorld, type World } from './faults/world.ts';

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

interface Ran {
  readonly status: number;
  readonly said: string;
}

/** The command line, as an operator has it. */
const carnet = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['services/cli/main.ts', '--fleet', world.layout.root, ...args],
      (_, stdout, stderr) => resolve({ status: child.exitCode ?? -1, said: stdout + stderr }),
    );
  });

test('a host is drained although its broker is killed meanwhile, and takes its VM back only when it is undrained', {
  timeout: 600_000,
}, async () => {
  const vm = world.spec.name;
  const source = await runningSomewhere(world);
  const other = otherThan(source);
  await restartBroker(world, source, ['migrate-source:transferring']);
  const since = consoleEnds(world);
  const draining = carnet('host', 'drain', source);
  await until('the VM is on its way', 120_000, () => isStopped(world, source) || undefined);
  await kill(world, [source]);
  await startAgain(world, [source]);
  const drained = await draining;
  assert.equal(drained.status, 0, drained.said);
  await settled(world);
  assert.deepEqual(await runners(world), [other]);

  const back = await carnet('vm', 'migrate', vm, source);
  assert.notEqual(back.status, 0);
  assert.match(back.said, /HOST_DRAINING/);
  // Gamma's policy does not let the image in.
  const nowhere = await carnet('host', 'drain', other);
  assert.equal(nowhere.status, 8, nowhere.said);
  assert.match(nowhere.said, /nowhere to go/);
  assert.match(nowhere.said, new RegExp(`${source} is being drained`));
  assert.match(nowhere.said, /allow qemu_virtdisk_t vm_user_t:vm entrypoint;/);
  assert.equal((await ask(world, other, { verb: 'host' })).is, 'host');
  assert.deepEqual(await runners(world), [other]);

  assert.equal((await carnet('host', 'undrain', source)).status, 0);
  const returned = await carnet('vm', 'migrate', vm, source);
  assert.equal(returned.status, 0, returned.said);
  await settled(world);
  assert.deepEqual(await runners(world), [source]);
  assert.deepEqual(
    [...(await disagreements(world)), ...(await miscounts(world, since)), ...leftovers(world, [source])],
    [],
  );
});
