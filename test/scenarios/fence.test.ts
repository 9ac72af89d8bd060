import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hostId } from '../support/values.ts';
import {
  ask,
  consoleEnds,
  countsOn,
  isStopped,
  kill,
  qemusOn,
  restartBroker,
  settled,
  shown,
  startAgain,
  until,
  untilEnded,
} from './faults/acts.ts';
import { otherThan } from './faults/hosts.ts';
import { runningSomewhere } from './faults/play.ts';
import { disagreements, leftovers, miscounts, runners } from './faults/whole.ts';
import { openWorld, type World } from './faults/world.ts';

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

test('a guest whose destination dies for good in the middle of a handover goes on at its source on an operator’s word, and the host that comes back does not run it', {
  timeout: 600_000,
}, async () => {
  const vm = world.spec.name;
  const source = await runningSomewhere(world);
  const destination = otherThan(source);
  await restartBroker(world, destination, ['migrate-destination:claiming']);
  const since = consoleEnds(world);
  const options = { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 };
  const begun = await ask(world, source, { verb: 'migrate', vm, destination: hostId(destination), options });
  assert.ok(begun.is === 'accepted');
  await until('the record is about to be moved', 120_000, () => isStopped(world, destination) || undefined);
  await kill(world, [destination]);
  for (const { pid } of qemusOn(world, destination)) process.kill(pid, 'SIGKILL');

  await until('the source is in doubt', 120_000, async () =>
    (await shown(world, source))?.waits?.for === 'in-doubt' ? true : undefined,
  );
  const told = await ask(world, source, { verb: 'recover', vm });
  assert.ok(told.is === 'recovery' && !told.done);
  assert.deepEqual([told.recovery.fenced, told.recovery.memory], [destination, 'keep']);
  assert.equal((await shown(world, source))?.state, 'in-doubt');
  const done = await ask(world, source, { verb: 'recover', vm, fenced: told.recovery.fenced });
  assert.ok(done.is === 'recovery' && done.done, JSON.stringify(done));
  await untilEnded(world, source, begun.operation);
  await countsOn(world, since);

  await startAgain(world, [destination]);
  await settled(world);
  assert.deepEqual(await runners(world), [source]);
  const record = await world.client.owner(vm);
  assert.deepEqual([record?.owner, record?.epoch], [source, done.recovery.epoch]);
  assert.equal(await shown(world, destination), undefined);
  assert.deepEqual(
    [...(await disagreements(world)), ...(await miscounts(world, since)), ...leftovers(world, [source])],
    [],
  );
});
