import assert from 'node:assert/strict';
import type { CheckpointId, VmName } from '../../../shared/ids.ts';
import { specOf } from '../values.ts';
import type { TestClient, TestHost } from './host.ts';

const disk = { name: 'disk.qcow2', role: 'disk', format: 'qcow2', readonly: false };

/** Lets a new VM with a disk run on a host, and puts a checkpoint of it where another host has it. */
export async function runSaved(
  operator: TestClient,
  at: { readonly host: TestHost; readonly other: TestHost; readonly vm: VmName },
): Promise<CheckpointId> {
  const { host, other, vm } = at;
  const spec = specOf(vm, { images: [disk] as ReturnType<typeof specOf>['images'] });
  assert.equal((await operator.ask(host.world.host, { verb: 'define', spec })).is, 'done');
  assert.equal((await operator.finish(host, { verb: 'start', vm })).outcome?.is, 'completed');
  const { outcome } = await operator.finish(host, { verb: 'save', vm });
  assert.ok(outcome?.is === 'completed' && outcome.checkpoint !== undefined);
  const { manifest } = await host.checkpoints.manifest(outcome.checkpoint);
  other.checkpoints.kept.set(outcome.checkpoint, manifest);
  return outcome.checkpoint;
}

/** Owner, epoch and whether it runs, as the VM's record says. */
export async function ownerOf({ world }: TestHost, vm: VmName) {
  const record = (await world.ownership.read(vm))?.record;
  return [record?.owner, record?.epoch, record?.running];
}
