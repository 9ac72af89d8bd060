import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { claim, moveHere, takeBack } from '../../../../services/broker/ownership/claim.ts';
import { createOwnership } from '../../../../services/broker/ownership/records.ts';
import type { Ownership } from '../../../../services/broker/runtime/ports.ts';
import type { Bus } from '../../../../shared/bus/bus.ts';
import { connectNats } from '../../../../shared/bus/nats.ts';
import { BrokerError, faultOf } from '../../../../shared/errors/broker-error.ts';
import { buckets } from '../../../../shared/messages/record.ts';
import { systemClock as clock } from '../../../../shared/time/clock.ts';
import { memberNames, type NatsCluster, startNatsCluster } from '../../../support/nats-cluster.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { hostId, operationIdOf, vmId } from '../../../support/values.ts';

/* The record with three copies, on three real servers. */

const vm = vmId('web1');
const start = operationIdOf(1);
const intend = () => assert.fail('nothing is intended without the word of an owner');

interface Mover {
  readonly host: ReturnType<typeof hostId>;
  readonly ownership: Ownership;
}

let cluster: NatsCluster;
const busses: Bus[] = [];
let alpha: Mover;
let beta: Mover;

before(async () => {
  cluster = await startNatsCluster();
  const fleet = await createTestFleet();
  const at = async (name: string): Promise<Mover> => {
    const bus = await connectNats({ servers: cluster.urls, name });
    busses.push(bus);
    const bucket = await untilServed(() => bus.bucket(buckets.owners, { replicas: 3 }));
    const identity = await fleet.identity('host', name);
    return { host: hostId(name), ownership: createOwnership({ bucket, identity, trust: fleet.trust(), clock }) };
  };
  alpha = await at('alpha');
  beta = await at('beta');
  await untilServed(() =>
    claim(alpha, vm, start, { by: 'owner', runsHere: false, ownEpoch: undefined, knownEpoch: 0, intend }),
  );
});
after(async () => {
  for (const bus of busses) await bus.close();
  await cluster.stop();
});

/** Tries again, as the tables do, while servers choose their leader. A conflict is an answer. */
async function untilServed<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!faultOf(error).code.startsWith('BUS_') || attempt === 200) throw error;
      // Without a leader servers answer at once that they have none.
      await pause(100);
    }
  }
}

const moved = (act: () => Promise<unknown>) =>
  untilServed(act).then(
    () => true,
    (error: unknown) => {
      if (error instanceof BrokerError && error.code === 'OWNER_CONFLICT') return false;
      throw error;
    },
  );

test('a bucket that three servers keep decides alone', () => {
  assert.ok(alpha.ownership.decidesAlone && beta.ownership.decidesAlone);
});

test('of two hosts that move the record while its leader dies one wins, and what it was told stays', async () => {
  const migration = operationIdOf(2);
  const leader = await cluster.leader();
  const taking = moved(() => takeBack(alpha, { vm, epoch: 1, operation: migration }, undefined));
  const moving = moved(() => moveHere(beta, { vm, source: alpha.host, epoch: 1 }, { epoch: 2, operation: migration }));
  await cluster.kill(leader);
  const [tookBack, movedHere] = await Promise.all([taking, moving]);
  assert.notEqual(tookBack, movedHere);
  const found = await untilServed(() => beta.ownership.read(vm));
  assert.deepEqual([found?.record.owner, found?.record.epoch], [tookBack ? alpha.host : beta.host, 2]);
  await cluster.start(leader);
});

test('a lone server of three acknowledges no move, and nothing that was acknowledged is lost with it', async () => {
  const before = await untilServed(() => alpha.ownership.read(vm));
  assert.ok(before !== undefined);
  const [survivor, ...others] = memberNames;
  for (const name of others) await cluster.kill(name);
  const next = { ...before.record, epoch: before.record.epoch + 1 };
  await assert.rejects(
    alpha.ownership.write(next, before.revision),
    (error) => error instanceof BrokerError && error.code.startsWith('BUS_'),
    survivor,
  );
  for (const name of others) await cluster.start(name);
  await cluster.leader();
  const after = await untilServed(() => beta.ownership.read(vm));
  // An order that nobody acknowledged may have been kept by the one that heard it: then it is the only one that was.
  assert.ok([before.record.epoch, next.epoch].includes(after?.record.epoch ?? 0));
});
