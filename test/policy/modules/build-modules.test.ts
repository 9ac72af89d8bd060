import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { buildPolicy, hostsIn, shippedModules } from '../../../policy/build-modules.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'carnet-modules-'));
  await cp(shippedModules, directory, { recursive: true });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('a host of the own site is one more file in hosts/', async () => {
  await writeFile(join(directory, 'hosts/edge.te'), 'carnet_entrypoint(qemu_virtdisk_t, vm_user_t)\n');
  assert.deepEqual(await hostsIn(directory), ['accepting', 'edge', 'no-entrypoint']);
  const { text } = await buildPolicy({ modulesDir: directory, host: 'edge' });
  assert.match(text, /#line 1 "hosts\/edge\.te"/);
});

test('where no kind of host is named it is the usual one, or the only one there is', async () => {
  assert.equal((await buildPolicy()).host, 'accepting');
  for (const host of await hostsIn(directory)) await rm(join(directory, `hosts/${host}.te`));
  await writeFile(join(directory, 'hosts/edge.te'), '');
  assert.equal((await buildPolicy({ modulesDir: directory })).host, 'edge');
  await writeFile(join(directory, 'hosts/other.te'), '');
  await assert.rejects(buildPolicy({ modulesDir: directory }), { code: 'USAGE_INVALID', hint: /edge, other/ });
});

for (const host of ['nowhere', '../support/mls', 'accepting.te', '']) {
  test(`the host policy \`${host}\` is refused, with the ones there are`, async () => {
    await assert.rejects(buildPolicy({ modulesDir: directory, host }), {
      code: 'USAGE_INVALID',
      hint: /accepting, no-entrypoint/,
    });
  });
}

test('a folder without modules is refused', async () => {
  await assert.rejects(buildPolicy({ modulesDir: join(directory, 'base'), host: 'accepting' }), {
    code: 'POLICY_INVALID',
  });
});

test('a module that m4 complains about is refused with what m4 said', async () => {
  await writeFile(join(directory, 'modules/broken.te'), 'm4_include(`nowhere.te`)\nm4_eval(1 +)\n');
  await assert.rejects(buildPolicy({ modulesDir: directory, host: 'accepting' }), {
    code: 'POLICY_INVALID',
    message: /modules\/broken\.te:/,
  });
});

test('a module runs no commands', async () => {
  const witness = join(directory, 'witness');
  await writeFile(join(directory, 'modules/command.te'), `m4_syscmd(touch ${witness})\nm4_esyscmd(touch ${witness})\n`);
  const { text } = await buildPolicy({ modulesDir: directory, host: 'accepting' });
  assert.match(text, /m4_syscmd\(touch/);
  await assert.rejects(rm(witness), { code: 'ENOENT' });
});

test('a module that expands without end is refused', async () => {
  await writeFile(join(directory, 'modules/endless.te'), "m4_define(`more', `m4_format(`%100000s', `')\nmore')more\n");
  await assert.rejects(buildPolicy({ modulesDir: directory, host: 'accepting' }), { code: 'POLICY_INVALID' });
});

test('where m4 is missing the fault says so and what to install', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = directory;
  try {
    await assert.rejects(buildPolicy({ modulesDir: directory, host: 'accepting' }), {
      code: 'POLICY_INVALID',
      message: /m4, which is not installed/,
      hint: /apt-get install m4/,
    });
  } finally {
    process.env['PATH'] = path;
  }
});
