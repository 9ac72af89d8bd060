import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseFileContexts } from '../../../../services/broker/images/file-contexts.ts';

const text = `
# images
/pool/.*            system_u:object_r:any_t:s0
/pool/disk[0-9]+\\.raw    --    system_u:object_r:disk_t:s0:c1,c2
/pool/disk7\\.raw   system_u:object_r:seven_t:s0
/pool/disk.*\\.raw  system_u:object_r:later_t:s0
/pool/none          <<none>>
/pool/dir.*    -d   system_u:object_r:dir_t:s0
`;
const paths: [string, string | undefined][] = [
  ['/pool/x', 'system_u:object_r:any_t:s0'],
  ['/pool/disk1.raw', 'system_u:object_r:later_t:s0'],
  ['/pool/disk7.raw', 'system_u:object_r:seven_t:s0'],
  ['/pool/none', undefined],
  ['/pool/dir1', 'system_u:object_r:any_t:s0'],
  ['/other/pool/x', undefined],
  ['/pool', undefined],
];

test('rules without special characters win, then the last one, and each matches the whole path', () => {
  const contexts = parseFileContexts('file_contexts', text);
  assert.deepEqual(
    paths.map(([path]) => [path, contexts(path)]),
    paths,
  );
});

test('libselinux gives the same labels', () => {
  const directory = mkdtempSync(join(tmpdir(), 'carnet-contexts-'));
  try {
    writeFileSync(join(directory, 'file_contexts'), text);
    for (const [path, expected] of paths) {
      const args = ['-n', '-m', 'file', '-f', join(directory, 'file_contexts'), path];
      const said = spawnSync('matchpathcon', args, { encoding: 'utf8' }).stdout.trim();
      assert.equal(said === '<<none>>' || said === '' ? undefined : said, expected, path);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

for (const [what, line] of [
  ['no context', '/pool/x'],
  ['a context that is none', '/pool/x nonsense'],
  ['an expression that is none', '/pool/( system_u:object_r:a_t:s0'],
  ['too many fields', '/pool/x -- system_u:object_r:a_t:s0 more'],
  ['an expression without limit', `/${'x'.repeat(600)} system_u:object_r:a_t:s0`],
] as const) {
  test(`a line with ${what} is refused by its number`, () => {
    assert.throws(() => parseFileContexts('fc', `# one\n${line}\n`), { code: 'CONFIG_INVALID', message: /^fc:2: / });
  });
}

test('more rules than anybody needs are refused', () => {
  const many = '/x system_u:object_r:a_t:s0\n'.repeat(10_001);
  assert.throws(() => parseFileContexts('fc', many), { code: 'CONFIG_INVALID' });
});
