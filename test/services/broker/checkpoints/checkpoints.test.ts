import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openCheckpoints } from '../../../../services/broker/checkpoints/checkpoints.ts';
import { writableDisks } from '../../../../services/broker/checkpoints/draft-files.ts';
import { type HostName, hostName, vmName } from '../../../../shared/ids.ts';
import { systemClock } from '../../../../shared/time/clock.ts';
import { vmSpec } from '../../../../shared/vm/spec.ts';
import { createTestFleet } from '../../../support/pki.ts';
import {
  aboutOf,
  fill,
  guestStream,
  idOf,
  memoryLabels,
  sound,
  specOf,
  stateLabel,
  take,
} from '../../../support/vmstate-checkpoint.ts';
import { temporaryDirectory } from '../../../support/vmstate-files.ts';
import * as s from '../../../support/vmstate-stream.ts';

const fleet = await createTestFleet();
const alpha = sound(hostName, 'alpha');
const web = sound(vmName, 'web');
const labels = memoryLabels();

async function store(t: TestContext, directory = join(temporaryDirectory(t), 'store'), host: HostName = alpha) {
  const identity = await fleet.identity('host', host);
  const run = temporaryDirectory(t);
  const by = { directory, run, host, identity, trust: fleet.trust(), clock: systemClock, labels };
  return { directory, run, checkpoints: await openCheckpoints(by), reopen: () => openCheckpoints(by) };
}
const visible = (directory: string) => readdirSync(directory).filter((name) => name !== '.pins');

test('a checkpoint is not there before it is sealed, and whole afterwards', async (t) => {
  const { directory, checkpoints, run } = await store(t);
  const draft = await checkpoints.begin(idOf(1), specOf(), stateLabel);
  await fill(draft);
  assert.deepEqual(await checkpoints.list(), []);
  await assert.rejects(checkpoints.manifest(idOf(1)), { code: 'CHECKPOINT_UNKNOWN' });
  await assert.rejects(checkpoints.open(idOf(1)), { code: 'CHECKPOINT_UNKNOWN' });
  const manifest = await draft.seal(aboutOf('alpha'));
  assert.deepEqual(await checkpoints.list(), [manifest]);
  assert.deepEqual((await checkpoints.manifest(idOf(1))).manifest, manifest);
  assert.deepEqual(visible(directory), [idOf(1)]);
  assert.deepEqual(readdirSync(run), []);
});

test('a checkpoint holds the memory, the devices and the disks the guest can write', async (t) => {
  const { directory, checkpoints } = await store(t);
  const manifest = await take(checkpoints, 'alpha');
  assert.deepEqual(
    manifest.disks.map(({ spec, bytes, label }) => [spec.name, bytes, label]),
    [['root.img', 1_500_000, 'system_u:object_r:qemu_virtdisk_t:s0']],
  );
  assert.equal(manifest.memory.bytes, 16 * 1024 * 1024);
  const opened = await checkpoints.open(idOf(1));
  t.after(opened.close);
  const read = (fd: number) => readFileSync(`/proc/self/fd/${fd}`);
  assert.equal(read(opened.memoryFd)[50 * 4096], 50);
  assert.ok(read(opened.devicesFd).subarray(-s.tail().length).equals(s.tail()));
  assert.equal(read(opened.diskFds.get(specOf().images[0]!.name)!)[0], 0x5a);
  assert.deepEqual(opened.manifest, manifest);
  assert.ok(statSync(join(directory, idOf(1), 'memory')).blocks * 512 < 1024 * 1024, 'zero pages are holes');
});

test('files are for the broker alone, read-only once sealed, and labelled while they are empty', async (t) => {
  const before = labels.written.length;
  const { directory, checkpoints } = await store(t);
  const draft = await checkpoints.begin(idOf(1), specOf(), stateLabel);
  assert.deepEqual(labels.written.slice(before), [stateLabel, stateLabel, stateLabel]);
  const [name = ''] = visible(directory);
  assert.equal(lstatSync(directory).mode & 0o777, 0o700);
  assert.equal(lstatSync(join(directory, name)).mode & 0o777, 0o700);
  const modes = (of: string) =>
    readdirSync(join(directory, of)).map((file) => lstatSync(join(directory, of, file)).mode & 0o777);
  assert.deepEqual(new Set(modes(name)), new Set([0o600]));
  await fill(draft);
  await draft.seal(aboutOf('alpha'));
  assert.deepEqual(modes(idOf(1)), [0o400, 0o400, 0o400, 0o400, 0o400]);
  assert.equal(labels.written.length - before, 5);
});

test('checkpoints are listed newest first, and one whose manifest is damaged not at all', async (t) => {
  const { directory, checkpoints } = await store(t);
  for (const number of [1, 3, 2]) await take(checkpoints, 'alpha', number);
  const ids = async () => (await checkpoints.list()).map(({ checkpoint }) => checkpoint);
  assert.deepEqual(await ids(), [idOf(3), idOf(2), idOf(1)]);
  writeFileSync(join(directory, idOf(2), 'manifest'), 'nothing of the kind');
  assert.deepEqual(await ids(), [idOf(3), idOf(1)]);
  await assert.rejects(checkpoints.open(idOf(2)), { code: 'CHECKPOINT_DAMAGED' });
});

test('a draft that is abandoned leaves nothing, at whatever point', async (t) => {
  const { directory, run, checkpoints } = await store(t);
  const begin = () => checkpoints.begin(idOf(1), specOf(), stateLabel);
  const points = [
    async () => begin(),
    async () => {
      const draft = await begin();
      await fill(draft);
      return draft;
    },
    async () => {
      const draft = await begin();
      await fill(draft);
      await draft.seal(aboutOf('alpha'));
      return draft;
    },
  ];
  for (const reach of points) {
    const draft = await reach();
    await draft.abandon();
    await draft.abandon();
    assert.deepEqual(visible(directory), []);
    assert.deepEqual(readdirSync(run), []);
  }
});

test('a draft that is abandoned while it is being sealed does not become a checkpoint', async (t) => {
  const { directory, checkpoints } = await store(t);
  const draft = await checkpoints.begin(idOf(1), specOf(), stateLabel);
  await fill(draft);
  const sealing = draft.seal(aboutOf('alpha'));
  const failed = assert.rejects(sealing, { code: 'OPERATION_CANCELLED' });
  await draft.abandon();
  await failed;
  assert.deepEqual(visible(directory), []);
});

test('a stream that is not of this VM makes no checkpoint', async (t) => {
  const { directory, checkpoints } = await store(t);
  const draft = await checkpoints.begin(idOf(1), specOf(32), stateLabel);
  await assert.rejects(fill(draft), { code: 'STREAM_INVALID', message: /33554432 bytes of pc.ram, found 16777216/ });
  await assert.rejects(draft.seal(aboutOf('alpha', 1, 32)), { code: 'STREAM_INVALID' });
  await draft.abandon();
  assert.deepEqual(visible(directory), []);
});

test('a sender that waits for an answer gets it once the checkpoint is sealed', async (t) => {
  const { checkpoints } = await store(t);
  const draft = await checkpoints.begin(idOf(1), specOf(), stateLabel);
  const { connect } = await import('node:net');
  const socket = connect(draft.streamPath);
  const answers: Buffer[] = [];
  socket.on('data', (answer: Buffer) => answers.push(answer));
  const plain = guestStream();
  const at = s.join(s.header(), s.configuration()).length;
  socket.write(s.join(plain.subarray(0, at), s.command(1), plain.subarray(at)));
  await draft.received;
  for (const { path } of draft.disks) writeFileSync(path, 'disk');
  assert.deepEqual(answers, []);
  await draft.seal(aboutOf('alpha'));
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  assert.deepEqual(answers, [Buffer.from('0001000400000000', 'hex')]);
});

test('the same checkpoint cannot be begun where it is there already', async (t) => {
  const { checkpoints } = await store(t);
  await take(checkpoints, 'alpha');
  await assert.rejects(checkpoints.begin(idOf(1), specOf(), stateLabel), { code: 'STORE_FAILED', message: /already/ });
});

test('a draft begun again starts anew', async (t) => {
  const { checkpoints } = await store(t);
  const first = await checkpoints.begin(idOf(1), specOf(), stateLabel);
  await first.abandon();
  await take(checkpoints, 'alpha');
  const opened = await checkpoints.open(idOf(1));
  opened.close();
});

test('a pinned checkpoint cannot be removed, also after a restart, and an unpinned one can', async (t) => {
  const { directory, checkpoints, reopen } = await store(t);
  await take(checkpoints, 'alpha', 1);
  await take(checkpoints, 'alpha', 2);
  await checkpoints.pin(idOf(1), web);
  assert.equal((await checkpoints.manifest(idOf(1))).inUse, true);
  assert.equal((await checkpoints.manifest(idOf(2))).inUse, false);
  const again = await reopen();
  const beta = (await store(t, directory, sound(hostName, 'beta'))).checkpoints;
  for (const each of [checkpoints, again, beta]) {
    await assert.rejects(each.remove(idOf(1)), { code: 'CHECKPOINT_IN_USE', message: /web/ });
  }
  assert.equal((await checkpoints.list()).length, 2);
  await again.pin(idOf(2), web);
  await again.remove(idOf(1));
  await assert.rejects(again.remove(idOf(2)), { code: 'CHECKPOINT_IN_USE' });
  await again.unpin(web);
  await again.unpin(web);
  await again.remove(idOf(2));
  assert.deepEqual(visible(directory), []);
});

test('a pin that cannot be read stands in the way of any removal', async (t) => {
  const { directory, checkpoints } = await store(t);
  await take(checkpoints, 'alpha');
  writeFileSync(join(directory, '.pins', 'web'), 'cp-half');
  await assert.rejects(checkpoints.remove(idOf(1)), { code: 'STORE_FAILED' });
  assert.equal((await checkpoints.list()).length, 1);
});

test('what is not there cannot be pinned, removed or measured', async (t) => {
  const { directory, checkpoints } = await store(t);
  await assert.rejects(checkpoints.remove(idOf(1)), { code: 'CHECKPOINT_UNKNOWN' });
  await assert.rejects(checkpoints.bytesOf(idOf(1)), { code: 'CHECKPOINT_UNKNOWN' });
  await assert.rejects(checkpoints.pin(idOf(1), web), { code: 'CHECKPOINT_UNKNOWN' });
  assert.deepEqual(readdirSync(join(directory, '.pins')), []);
});

test('the size of a checkpoint is what it takes on disk', async (t) => {
  const { directory, checkpoints } = await store(t);
  await take(checkpoints, 'alpha');
  const bytes = await checkpoints.bytesOf(idOf(1));
  const files = readdirSync(join(directory, idOf(1)));
  assert.equal(
    bytes,
    files.reduce((sum, name) => sum + lstatSync(join(directory, idOf(1), name)).blocks * 512, 0),
  );
  assert.ok(bytes > 1_500_000 && bytes < 4_000_000, `${bytes}`);
});

test('opening a store removes what a crash left, and leaves what another host is writing', async (t) => {
  const { directory, checkpoints, reopen } = await store(t);
  await take(checkpoints, 'alpha', 1);
  await take(checkpoints, 'alpha', 2);
  await take(checkpoints, 'alpha', 3);
  renameSync(join(directory, idOf(1)), join(directory, `.draft-alpha.${idOf(1)}`));
  renameSync(join(directory, idOf(2)), join(directory, `.removed-${idOf(2)}`));
  mkdirSync(join(directory, `.draft-beta.${idOf(4)}`));
  const again = await reopen();
  assert.deepEqual(
    (await again.list()).map(({ checkpoint }) => checkpoint),
    [idOf(3)],
  );
  assert.deepEqual(visible(directory).sort(), [`.draft-beta.${idOf(4)}`, idOf(3)]);
});

test('the disks of a checkpoint are those the guest can change, and nothing they are backed by', () => {
  const image = (name: string, more: Record<string, unknown> = {}) => ({
    name,
    role: 'disk',
    format: 'qcow2',
    ...more,
  });
  const images = [
    image('root', { backing: 'base' }),
    image('base'),
    image('data', { readonly: true }),
    image('scratch', { format: 'raw' }),
    image('kernel', { role: 'kernel', format: 'raw' }),
  ];
  const names = writableDisks(sound(vmSpec, { ...specOf(), images })).map(({ name }) => name);
  assert.deepEqual(names, ['root', 'scratch']);
});

test('a draft whose files carry another label than the manifest would say is not sealed', async (t) => {
  const { directory, checkpoints } = await store(t);
  const draft = await checkpoints.begin(idOf(1), specOf(), stateLabel);
  await fill(draft);
  const about = aboutOf('alpha');
  await assert.rejects(draft.seal({ ...about, stateLabel: about.carnet.label }), /labelled for another state label/);
  await draft.abandon();
  assert.deepEqual(visible(directory), []);
});
