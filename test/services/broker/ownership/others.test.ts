import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askOthers, mustBeAccountedFor, whoHas } from '../../../../services/broker/ownership/others.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import type { HostName } from '../../../../shared/ids.ts';
import { hostId, vmId } from '../../../support/values.ts';

const vm = vmId('web');
const [beta, gamma, delta] = [hostId('beta'), hostId('gamma'), hostId('delta')];
type World = Parameters<typeof askOthers>[0];
type Said = Awaited<ReturnType<World['peers']['whoHas']>>;
const nothing = (epoch: number): Said => ({ is: 'has-not', epoch });

/** Asks beta, gamma and delta, which answer so; `asked` is whom, about which epoch. */
function world(answers: (host: HostName, epoch: number) => Said, decidesAlone = false) {
  const asked: string[] = [];
  const peers = {
    others: async () => [beta, gamma, delta],
    async whoHas(host: HostName, { epoch }: { epoch: number }) {
      asked.push(`${host} ${epoch}`);
      return answers(host, epoch);
    },
  };
  return { by: { ownership: { decidesAlone }, peers } as unknown as World, asked };
}

test('every host but the one that is gone is asked, and nobody where three servers keep the record', async () => {
  const one = world(() => nothing(2));
  assert.deepEqual(await askOthers(one.by, vm, { epoch: 5, gone: beta }), {
    heard: [gamma, delta],
    silent: [],
    epoch: 5,
  });
  assert.deepEqual(one.asked, ['gamma 5', 'delta 5']);
  const three = world(() => ({ is: 'has', why: 'qemu' }), true);
  assert.deepEqual(await askOthers(three.by, vm, { epoch: 5, gone: beta }), { heard: [], silent: [], epoch: 5 });
  assert.deepEqual(three.asked, []);
});

test('one that has it is named, whatever the others say', async () => {
  for (const why of ['qemu', 'operation', 'journal'] as const) {
    const { by } = world((host) => (host === delta ? { is: 'has', why } : nothing(2)));
    await assert.rejects(askOthers(by, vm, { epoch: 5, gone: beta }), { code: 'OWNER_CONFLICT', message: /^delta / });
  }
});

test('one that gave the VM away while the others were asked knows a newer epoch, and all are asked again', async () => {
  // The VM goes from delta to gamma after gamma was asked and before delta is.
  let gone = false;
  const { by, asked } = world((host, epoch) => {
    if (host === delta) {
      gone = true;
      return nothing(8);
    }
    return gone ? { is: 'has', why: 'journal' } : nothing(epoch - 3);
  });
  await assert.rejects(askOthers(by, vm, { epoch: 5, gone: beta }), {
    code: 'OWNER_CONFLICT',
    message: /^gamma has web/,
  });
  assert.deepEqual(asked.slice(0, 3), ['gamma 5', 'delta 5', 'gamma 8']);
  const settled = world((host) => nothing(host === delta ? 8 : 0));
  assert.equal((await askOthers(settled.by, vm, { epoch: 5, gone: beta })).epoch, 8);
  const restless = world((_, epoch) => nothing(epoch + 1));
  await assert.rejects(askOthers(restless.by, vm, { epoch: 5, gone: beta }), { code: 'OWNER_IN_DOUBT' });
});

test('one that does not answer, or cannot, may have it: it must be off as well', async () => {
  const { by } = world((host) => {
    if (host === gamma) throw new BrokerError('BUS_NO_RESPONDER');
    return { is: 'failure', fault: { code: 'STORE_FAILED', message: 'no' } };
  });
  const others = await askOthers(by, vm, { epoch: 5, gone: beta });
  assert.deepEqual(others, { heard: [], silent: [gamma, delta], epoch: 5 });
  for (const also of [[], [gamma], [delta], [beta]]) {
    assert.throws(() => mustBeAccountedFor(vm, others, also), { code: 'OWNER_IN_DOUBT' });
  }
  mustBeAccountedFor(vm, others, [gamma, delta]);
});

/** A host with this of the VM. */
const host = (has: { busy?: boolean; qemu?: boolean; silent?: boolean; epoch?: number; known?: number }) => {
  const { busy = false, qemu = false, silent = false, epoch, known = 0 } = has;
  const vms = {
    get: () => (epoch === undefined ? undefined : { epoch }),
    epochOf: () => known,
    silent: () => (silent ? {} : undefined),
    process: () => (qemu ? {} : undefined),
  };
  return (asked: number) => {
    const answer = whoHas({ vms } as never, { isBusy: () => busy }, vm, asked);
    return answer.is === 'has' ? answer.why : answer.is === 'has-not' ? answer.epoch : assert.fail();
  };
};

test('a host has what it runs, what it works on, and what its journal has in no older epoch', () => {
  assert.equal(host({ busy: true })(9), 'operation');
  assert.equal(host({ qemu: true, epoch: 1 })(9), 'qemu');
  assert.equal(host({ silent: true, epoch: 1 })(9), 'qemu');
  assert.equal(host({ epoch: 5, known: 5 })(4), 'journal');
  assert.equal(host({ epoch: 5, known: 5 })(5), 'journal');
  assert.equal(host({ epoch: 5, known: 7 })(6), 7);
  assert.equal(host({ known: 7 })(3), 7);
});
