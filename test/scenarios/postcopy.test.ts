import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CheckpointId, OperationId } from '../../shared/ids.ts';
import { hostId } from '../support/values.ts';
import {
  ask,
  consoleEnds,
  countsOn,
  finish,
  kill,
  qemusOn,
  settled,
  shown,
  startAgain,
  until,
  untilEnded,
} from './faults/acts.ts';
import { type Host, otherThan } from './faults/hosts.ts';
import { runningSomewhere } from './faults/play.ts';
import { disagreements, leftovers, miscounts, runners } from './faults/whole.ts';
import { openWorld, type World } from './faults/world.ts';

let world: World;
before(async () => {
  world = await openWorld();
});
after(() => world.close());

/** So slow that the guest lives on two hosts for as long as it takes to look. */
const options = { bandwidthBytesPerSecond: 2_000_000, downtimeMsMax: 300, allowPostcopy: true };

async function saved(host: Host): Promise<CheckpointId> {
  const { outcome } = await finish(world, host, { verb: 'save', vm: world.spec.name });
  assert.ok(outcome?.is === 'completed' && outcome.checkpoint !== undefined, JSON.stringify(outcome));
  return outcome.checkpoint;
}

const stateOf = async (host: Host, operation: OperationId) => {
  const answer = await ask(world, host, { verb: 'operation', operation });
  return answer.is === 'operation' ? answer.operation : undefined;
};

/** A migration in post-copy, its guest counting at the destination while part of it is still at the source. */
async function pulled() {
  const source = await runningSomewhere(world);
  const destination = otherThan(source);
  const checkpoint = await saved(source);
  const since = consoleEnds(world);
  const vm = world.spec.name;
  const begun = await ask(world, source, { verb: 'migrate', vm, destination: hostId(destination), options });
  assert.ok(begun.is === 'accepted', JSON.stringify(begun));
  const { operation } = begun;
  await until('memory is sent', 60_000, async () => {
    const forced = await ask(world, source, { verb: 'force', operation, postcopy: true });
    return forced.is === 'done' ? true : undefined;
  });
  await until('it is pulled', 60_000, async () =>
    (await stateOf(destination, operation))?.state === 'pulling' ? true : undefined,
  );
  await countsOn(world, since, 2);
  assert.equal((await stateOf(source, operation))?.state, 'pulling');
  return { source, destination, checkpoint, since, operation };
}

test('a guest that runs before its memory is there arrives whole, although both brokers are killed meanwhile', {
  timeout: 600_000,
}, async () => {
  const { source, destination, since, operation } = await pulled();
  const cancelled = await ask(world, source, { verb: 'cancel', operation });
  assert.equal(cancelled.is === 'failed' && cancelled.fault.code, 'OPERATION_COMMITTED');
  await kill(world, [source, destination]);
  await startAgain(world, [source, destination]);
  const view = await untilEnded(world, source, operation);
  assert.equal(view.outcome?.is, 'completed', JSON.stringify(view.outcome));
  await settled(world);
  await countsOn(world, since);
  assert.deepEqual(await runners(world), [destination]);
  const wrong = [
    ...(await disagreements(world)),
    ...(await miscounts(world, since)),
    ...leftovers(world, [destination]),
  ];
  assert.deepEqual(wrong, []);
});

test('a guest whose source dies before it has all of its memory is a stopped VM, and its checkpoint is there to go back to', {
  timeout: 600_000,
}, async () => {
  const { source, destination, checkpoint, operation } = await pulled();
  for (const { pid } of qemusOn(world, source)) process.kill(pid, 'SIGKILL');
  const view = await untilEnded(world, destination, operation);
  assert.ok(view.outcome?.is === 'failed', JSON.stringify(view.outcome));
  assert.equal(view.outcome.fault.code, 'MEMORY_LOST');
  assert.match(view.outcome.fault.hint ?? '', new RegExp(`carnet vm restore ${checkpoint} --host ${source}`));
  await settled(world);
  assert.deepEqual(await runners(world), []);
  assert.equal((await shown(world, destination))?.state, 'stopped');
  assert.deepEqual([...(await disagreements(world)), ...leftovers(world, [])], []);
  const restored = await finish(world, source, { verb: 'restore', checkpoint });
  assert.equal(restored.outcome?.is, 'completed', JSON.stringify(restored.outcome));
  await settled(world);
  assert.deepEqual(await runners(world), [source]);
});
