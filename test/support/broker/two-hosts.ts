import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionOf } from '../../../shared/messages/request.ts';
import { contexts } from '../gate/asks.ts';
import { loaded, shippedText } from '../gate/shipped.ts';
import { createTestFleet } from '../pki.ts';
import { hostId, specOf, type vmId } from '../values.ts';
import type { TestHost } from './host.ts';
import { openOneBus } from './one-bus.ts';

/** Two hosts on one bus under the shipped policy, a wire between their QEMUs, and an operator. */
export async function openTwoHosts() {
  const directory = await mkdtemp(join(tmpdir(), 'carnet-operations-'));
  const fleet = await createTestFleet();
  const full = loaded(await shippedText());
  const { hub, host, client } = openOneBus({ fleet, directory, policy: full });
  const [alpha, beta] = await Promise.all([host('alpha'), host('beta')]);
  const operator = await client('operator');

  let names = 0;
  /** Defines a VM of its own for a test on alpha, with a disk and a kernel. */
  async function define(): Promise<ReturnType<typeof vmId>> {
    names += 1;
    const spec = specOf(`vm${names}`, {
      images: [
        { name: 'disk.qcow2', role: 'disk', format: 'qcow2', readonly: false },
        { name: 'vmlinuz', role: 'kernel', format: 'raw', readonly: true },
      ] as ReturnType<typeof specOf>['images'],
    });
    const answer = await operator.ask('alpha', { verb: 'define', spec });
    assert.equal(answer.is, 'done');
    return spec.name;
  }

  return {
    hub,
    fleet,
    full,
    alpha,
    beta,
    operator,
    client,
    define,
    /** Defines one and starts it. */
    async started() {
      const vm = await define();
      assert.deepEqual((await operator.finish(alpha, { verb: 'start', vm })).outcome, {
        is: 'completed',
        label: contexts.vm,
      });
      return vm;
    },
    async close() {
      await Promise.all([alpha.close(), beta.close()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** To beta, as fast as it goes. */
export const migrate = (vm: ReturnType<typeof vmId>): ActionOf<'migrate'> => ({
  verb: 'migrate',
  vm,
  destination: hostId('beta'),
  options: { bandwidthBytesPerSecond: 0, downtimeMsMax: 300 },
});

/** What was done with one VM, by a host's QEMU and storage. */
export const done = (host: TestHost, vm: string, since = 0) =>
  host.vmm.calls
    .slice(since)
    .filter((call) => call.endsWith(` ${vm}`))
    .map((call) => call.slice(0, -vm.length - 1));
