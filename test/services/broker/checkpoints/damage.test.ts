import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { openCheckpoints } from '../../../../services/broker/checkpoints/checkpoints.ts';
import { fileLabels } from '../../../../services/broker/checkpoints/file-labels.ts';
import { hostName } from '../../../../shared/ids.ts';
import { sealRecord } from '../../../../shared/messages/record-seal.ts';
import { systemClock } from '../../../../shared/time/clock.ts';
import { createTestFleet } from '../../../support/pki.ts';
import { idOf, sound, take } from '../../../support/vmstate-checkpoint.ts';
import { temporaryDirectory } from '../../../support/vmstate-files.ts';

const fleet = await createTestFleet();
const alpha = await fleet.identity('host', 'alpha');
const id = idOf(1);
const root = temporaryDirectory({ after: (remove) => after(remove) });
const directory = join(root, 'store');
const checkpoints = await openCheckpoints({
  ...{ directory, run: root, host: sound(hostName, 'alpha'), identity: alpha },
  ...{ trust: fleet.trust(), clock: systemClock },
});
const manifest = await take(checkpoints, 'alpha');
const path = (name: string) => join(directory, id, name);
for (const name of readdirSync(join(directory, id))) chmodSync(path(name), 0o600);

async function whole(): Promise<void> {
  const opened = await checkpoints.open(id);
  opened.close();
}
const linkOf = (fd: string) => (existsSync(`/proc/self/fd/${fd}`) ? readlinkSync(`/proc/self/fd/${fd}`) : '');
const openFiles = () =>
  readdirSync('/proc/self/fd')
    .map(linkOf)
    .filter((target) => target.startsWith(root));

/** The checkpoint is refused, says so, and nothing stays open. */
async function refused(says: RegExp): Promise<void> {
  const open = openFiles();
  await assert.rejects(checkpoints.open(id), { code: 'CHECKPOINT_DAMAGED', message: says });
  assert.deepEqual(openFiles(), open);
}

/** Flips one bit of a file for as long as `then` takes. */
async function flipped(name: string, bit: number, then: () => Promise<void>): Promise<void> {
  const fd = openSync(path(name), 'r+');
  const byte = Buffer.alloc(1);
  const at = Math.floor(bit / 8);
  readSync(fd, byte, 0, 1, at);
  const flip = () => {
    byte[0]! ^= 1 << (bit % 8);
    writeSync(fd, byte, 0, 1, at);
  };
  flip();
  try {
    await then();
  } finally {
    flip();
    closeSync(fd);
  }
}

test('a checkpoint that nobody touched is opened', whole);

for (const [name, bytes, says] of [
  ['memory', 16 * 1024 * 1024, /memory differs from what was saved in chunk \d+/],
  ['devices', 1, /devices differs from what was saved in chunk 0/],
  ['disk-root.img', 1_500_000, /disk-root.img differs from what was saved in chunk [01]/],
  ['digests', 16 * 32, /digests does not hold the digests of \S+ that were signed/],
] as const) {
  test(`any one bit of ${name} that is flipped is noticed`, async () => {
    const bits = 8 * (name === 'devices' ? manifest.devices.bytes : bytes);
    for (const bit of [0, bits - 1]) await flipped(name, bit, () => refused(says));
    await fc.assert(
      fc.asyncProperty(fc.nat(bits - 1), (bit) => flipped(name, bit, () => refused(says))),
      { numRuns: 12 },
    );
    await whole();
  });
}

test('the chunk that differs is named', async () => {
  await flipped('memory', 8 * (5 * 1024 * 1024 + 7), () => refused(/memory .* in chunk 5 \(from byte 5242880\)/));
});

test('one bit of the manifest that is flipped, here and there all over it, is noticed', async () => {
  const signed = readFileSync(path('manifest'));
  try {
    for (let at = 0; at < signed.length; at += 7) {
      const changed = Buffer.from(signed);
      changed[at]! ^= 1 << (at % 8);
      writeFileSync(path('manifest'), changed);
      await assert.rejects(checkpoints.manifest(id), { code: 'CHECKPOINT_DAMAGED' }, `byte ${at}`);
    }
  } finally {
    writeFileSync(path('manifest'), signed);
  }
  await whole();
});

/** Replaces a file for as long as `then` takes. */
async function replaced(name: string, replace: (path: string) => void, says: RegExp): Promise<void> {
  const aside = join(directory, '..', 'aside');
  renameSync(path(name), aside);
  try {
    replace(path(name));
    await refused(says);
  } finally {
    rmSync(path(name), { force: true });
    renameSync(aside, path(name));
  }
}
const aside = () => join(directory, '..', 'aside');

test('a label that was edited in the manifest is noticed', async () => {
  const signed = readFileSync(path('manifest'));
  const at = signed.indexOf('vm_user_t');
  assert.ok(at > 0);
  const edited = Buffer.from(signed);
  edited.write('vm_boss_t', at);
  await replaced('manifest', (to) => writeFileSync(to, edited), /does not carry the signature of host alpha/);
});

test('a manifest is taken only from the host it names, and only for its own checkpoint', async () => {
  const seal = async (role: 'host' | 'client', name: string, body: unknown, from = fleet) => {
    const record = sealRecord(await from.identity(role, name), `manifest/${manifest.checkpoint}`, body, Date.now());
    return (to: string) => writeFileSync(to, record);
  };
  await replaced('manifest', await seal('client', 'operator', manifest), /of alpha and signed by client operator/);
  await replaced('manifest', await seal('client', 'alpha', manifest), /of alpha and signed by client alpha/);
  await replaced('manifest', await seal('host', 'beta', manifest), /of alpha and signed by host beta/);
  await replaced('manifest', await seal('host', 'alpha', { ...manifest, checkpoint: idOf(2) }), /is that of cp-/);
  await replaced('manifest', await seal('host', 'alpha', { ...manifest, extra: 1 }), /not what a host of this fleet/);
  const foreign = await createTestFleet('foreign');
  await replaced('manifest', await seal('host', 'alpha', manifest, foreign), /not what a host of this fleet signed/);
  const record = sealRecord(alpha, 'owner/web1', manifest, Date.now());
  await replaced('manifest', (to) => writeFileSync(to, record), /not what a host of this fleet signed/);
  await replaced('manifest', (to) => writeFileSync(to, Buffer.alloc(2 ** 20 + 1)), /more than 1048576 bytes/);
  const smaller = { ...manifest, memory: manifest.devices };
  await replaced('manifest', await seal('host', 'alpha', smaller), /not as large as the memory of the VM/);
});

for (const name of ['memory', 'devices', 'disk-root.img', 'digests']) {
  test(`${name} has to be there, as large as it was, and a plain file`, async () => {
    await replaced(name, () => {}, new RegExp(`${name} cannot be opened: ENOENT`));
    await replaced(name, (to) => symlinkSync(aside(), to), new RegExp(`${name} cannot be opened: ELOOP`));
    await replaced(name, (to) => linkSync(aside(), to), new RegExp(`${name} cannot be opened: .* plain file`));
    await replaced(name, (to) => execFileSync('mkfifo', [to]), new RegExp(`${name} cannot be opened: .* plain file`));
    const grown = (to: string) => {
      copyFileSync(aside(), to);
      chmodSync(to, 0o600);
      appendFileSync(to, '\0');
    };
    const cut = (to: string) => {
      grown(to);
      truncateSync(to, 100);
    };
    const says = name === 'digests' ? /digests does not have \d+ bytes/ : new RegExp(`${name} has \\d+ bytes instead`);
    await replaced(name, grown, says);
    await replaced(name, cut, says);
  });
}

test('a file that was labelled otherwise is noticed', async (t) => {
  const fd = openSync(path('memory'), 'r+');
  t.after(() => closeSync(fd));
  const label = await fileLabels.read(fd);
  if (label === undefined) return t.skip('the file system of the temporary directory keeps no labels');
  assert.equal(label, manifest.stateLabel);
  await fileLabels.write(fd, manifest.carnet.label);
  await refused(/memory is labelled system_u:system_r:vm_user_t:s0:c1,c2 instead of/);
  await fileLabels.write(fd, label);
  await whole();
});
