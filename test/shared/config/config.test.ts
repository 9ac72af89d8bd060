import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseConfig, readConfig } from '../../../shared/config/config.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { limits } from '../../../shared/limits.ts';
import { fields, integer, list, maybe, text } from '../../../shared/schema/schema.ts';

const form = fields({
  port: integer(1, 65_535),
  hosts: list(fields({ name: text(5) }), 3),
  extra: maybe(fields({ deep: fields({ n: integer(0, 9) }) })),
});

describe('a configuration file', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'carnet-config-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('is read and checked', async () => {
    const path = join(directory, 'good.yaml');
    await writeFile(path, '# a comment\nport: 4222\nhosts:\n  - name: alpha\n  - {name: beta}\n');
    assert.deepEqual(await readConfig(path, form), { port: 4222, hosts: [{ name: 'alpha' }, { name: 'beta' }] });
  });

  it('is read from a pipe', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const writer = spawn('sh', ['-c', '{ echo port: 4222; echo "hosts: []"; } > "$0"', pipe]);
    assert.deepEqual(await readConfig(pipe, form), { port: 4222, hosts: [] });
    if (writer.exitCode === null) await once(writer, 'exit');
  });

  it('is refused where a pipe gives more than a file may hold', async () => {
    const pipe = join(directory, 'large-pipe');
    execFileSync('mkfifo', [pipe]);
    const script = '{ echo "port: 4222"; echo "hosts: []"; yes "#" | head -c "$1"; } > "$0"';
    const writer = spawn('sh', ['-c', script, pipe, String(limits.configFileBytes)], { stdio: 'ignore' });
    await assert.rejects(readConfig(pipe, form), { code: 'CONFIG_INVALID', message: /has more than/ });
    if (writer.exitCode === null) await once(writer, 'exit');
  });

  const bad: readonly [what: string, source: string, problems: readonly RegExp[]][] = [
    [
      'every field that is wrong, each with its place',
      'port: 0\nhosts:\n  - name: alphabet\n    role: x\n',
      [/^f.yaml:1:7: port: /, /^f.yaml:3:11: hosts.0.name: /, /^f.yaml:4:11: hosts.0.role: /],
    ],
    ['a field that is missing, with the place of what should hold it', 'port: 1\n', [/^f.yaml:1:1: hosts: /]],
    ['a field missing further in', 'port: 1\nhosts: []\nextra:\n  deep: {}\n', [/^f.yaml:4:9: extra.deep.n: /]],
    ['a field that is not known', 'port: 1\nhosts: []\nprot: 2\n', [/^f.yaml:3:7: prot: /]],
    ['a key that is there twice', 'port: 1\nport: 2\nhosts: []\n', [/^f.yaml:2:1: .*unique/]],
    ['an alias', 'port: &p 1\nhosts: [*p]\n', [/^f.yaml:1:1: .*[Aa]lias/]],
    ['a tag of its own', 'port: !run 1\nhosts: []\n', [/^f.yaml:1:7: .*tag/]],
    ['a second document', 'port: 1\nhosts: []\n---\nport: 2\n', [/^f.yaml:3:1: .*documents/]],
    ['a list that does not end', 'port: 1\nhosts: [a\n', [/^f.yaml:/]],
    ['an empty file', '', [/^f.yaml:1:1: value: /]],
    ['text where a map belongs', 'hello', [/^f.yaml:1:1: value: /]],
    ['the key __proto__', '__proto__: {port: 1}\nhosts: []\n', [/port: /, /__proto__/]],
  ];
  for (const [what, source, problems] of bad) {
    it(`is refused for ${what}`, () => {
      assert.throws(
        () => parseConfig('f.yaml', source, form),
        (error: unknown) => {
          assert.ok(error instanceof BrokerError && error.code === 'CONFIG_INVALID');
          const lines = error.message.split('\n');
          for (const problem of problems)
            assert.ok(
              lines.some((line) => problem.test(line)),
              error.message,
            );
          assert.ok(error.hint !== undefined);
          return true;
        },
      );
    });
  }

  it('is refused where it is not there, not a file, too large, endless or not UTF-8', async () => {
    const large = join(directory, 'large.yaml');
    await writeFile(large, `# ${'x'.repeat(limits.configFileBytes)}\n`);
    const latin = join(directory, 'latin.yaml');
    await writeFile(latin, Buffer.from('port: 1\nhosts: [{name: "\xe9"}]\n', 'latin1'));
    for (const path of [join(directory, 'nowhere.yaml'), directory, large, '/dev/zero', latin]) {
      const isRefused = (error: unknown) =>
        error instanceof BrokerError &&
        error.code === 'CONFIG_INVALID' &&
        error.message.startsWith(`${path} cannot be read`);
      await assert.rejects(readConfig(path, form), isRefused, path);
    }
  });
});
