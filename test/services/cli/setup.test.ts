import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const script = join(import.meta.dirname, '../../../services/cli/setup.sh');
const tools = ['dirname', 'cmp', 'cp', 'mktemp', 'rm', 'cat', 'echo', 'sh'];
const wanted = [
  'qemu-system-x86_64',
  'qemu-img',
  'nats-server',
  'm4',
  'checkpolicy',
  'openssl',
  'docker-compose',
  'matchpathcon',
  'audit2allow',
  'sesearch',
  'secilc',
  'bzcat',
];

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A clone with nothing but the script, on a machine that has exactly the commands that are named. */
function machine(options: { commands: readonly string[]; uid: number; packages: boolean }) {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-setup-'));
  folders.push(folder);
  const bin = join(folder, 'bin');
  const clone = join(folder, 'clone');
  mkdirSync(bin);
  mkdirSync(join(clone, 'services/cli'), { recursive: true });
  const put = (path: string, text: string) => {
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  };
  for (const tool of tools) {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' });
    if (stdout.startsWith('/')) symlinkSync(stdout.trim(), join(bin, tool));
  }
  put(join(bin, 'id'), `#!/bin/sh\necho ${options.uid}\n`);
  const log = join(folder, 'log');
  writeFileSync(log, '');
  // What apt-get is told to install is there afterwards, as the script's own list says.
  put(
    join(bin, 'apt-get'),
    `#!/bin/sh\necho "apt-get $*" >>${log}\ncase "$1" in update) exit 0;; esac\n[ -e ${folder}/lists-are-old ] && { rm ${folder}/lists-are-old; echo 'unable to locate package' >&2; exit 100; }\nexit 0\n`,
  );
  put(
    join(bin, 'npm'),
    `#!/bin/sh\necho "npm $*" >>${log}\n[ "$1" = ci ] && [ -e ${folder}/ci-fails ] && exit 1\nmkdir -p node_modules/.bin\nln -s ${process.execPath} node_modules/.bin/node\n`,
  );
  for (const tool of ['mkdir', 'ln']) symlinkSync(`/bin/${tool}`, join(bin, tool));
  for (const command of options.commands) put(join(bin, command), '#!/bin/sh\n');
  symlinkSync(script, join(clone, 'services/cli/setup.sh'));
  writeFileSync(join(clone, 'package-lock.json'), '{}\n');
  if (options.packages) {
    mkdirSync(join(clone, 'node_modules/.bin'), { recursive: true });
    symlinkSync(process.execPath, join(clone, 'node_modules/.bin/node'));
    writeFileSync(join(clone, 'node_modules/.carnet-lock.json'), '{}\n');
  }
  return {
    folder,
    clone,
    did: () => readFileSync(log, 'utf8').trim().split('\n').filter(Boolean),
    /** The real machine's own sbin folders are on the path the script makes, so they are replaced by an empty one. */
    run(what: string) {
      const text = readFileSync(script, 'utf8').replace(':/usr/sbin:/sbin', `:${bin}`);
      const copy = join(clone, 'services/cli/setup-here.sh');
      writeFileSync(copy, text);
      return spawnSync('sh', [copy, what], { encoding: 'utf8', env: { PATH: bin } });
    },
  };
}

test('where everything is there it does nothing and says nothing', () => {
  const here = machine({ commands: wanted, uid: 1000, packages: true });
  for (const what of ['demo', 'test']) {
    const { status, stdout, stderr } = here.run(what);
    assert.equal(status, 0, stderr);
    assert.equal(stdout + stderr, '');
  }
  assert.deepEqual(here.did(), []);
});

test('a missing package and no root: one message with the packages and the command, and nothing is done', () => {
  const here = machine({
    commands: wanted.filter((name) => !['m4', 'qemu-img'].includes(name)),
    uid: 1000,
    packages: false,
  });
  const { status, stdout, stderr } = here.run('demo');
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.equal(
    stderr,
    'setup: missing: qemu-utils m4; installing them needs root. Run: sudo apt-get install --yes --no-install-recommends qemu-utils m4\n',
  );
  assert.deepEqual(here.did(), []);
});

test('root gets what is missing, one line for each thing, and only what the demo needs', () => {
  const here = machine({ commands: ['m4'], uid: 0, packages: false });
  const { status, stderr } = here.run('demo');
  assert.equal(status, 0, stderr);
  assert.deepEqual(stderr.trim().split('\n'), [
    'setup: installing qemu-system-x86 qemu-utils nats-server',
    'setup: installing the Node packages (npm ci)',
  ]);
  const [simulated, installed, ...rest] = here.did();
  assert.match(simulated ?? '', /^apt-get --simulate install/);
  assert.equal(installed, 'apt-get install --yes --no-install-recommends qemu-system-x86 qemu-utils nats-server');
  assert.deepEqual(rest, ['npm ci']);
});

test('package lists that are old are fetched first', () => {
  const here = machine({ commands: wanted.slice(0, 3), uid: 0, packages: true });
  writeFileSync(join(here.folder, 'lists-are-old'), '');
  assert.equal(here.run('demo').status, 0);
  assert.deepEqual(
    here.did().map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['apt-get --simulate', 'apt-get update', 'apt-get install'],
  );
});

test('where `npm ci` does not get by, `npm install` is tried; a second time nothing is', () => {
  const here = machine({ commands: wanted, uid: 1000, packages: false });
  writeFileSync(join(here.folder, 'ci-fails'), '');
  assert.equal(here.run('test').status, 0);
  assert.equal(here.run('test').status, 0);
  assert.deepEqual(here.did(), ['npm ci', 'npm install']);
});

test('other packages in the lock are installed', () => {
  const here = machine({ commands: wanted, uid: 1000, packages: true });
  writeFileSync(join(here.clone, 'package-lock.json'), '{"changed":true}\n');
  rmSync(join(here.clone, 'node_modules/.bin/node'));
  assert.equal(here.run('demo').status, 0);
  assert.deepEqual(here.did(), ['npm ci']);
});

test('anything but demo and test is a usage error', () => {
  const here = machine({ commands: wanted, uid: 1000, packages: true });
  assert.equal(here.run('everything').status, 2);
});
