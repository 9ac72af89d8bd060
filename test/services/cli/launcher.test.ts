import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const launcher = join(import.meta.dirname, '../../../services/cli/carnet');

test("the launcher starts the clone's own Node, through a link and from any folder", () => {
  const folder = mkdtempSync(join(tmpdir(), 'carnet-link-'));
  try {
    symlinkSync(launcher, join(folder, 'carnet'));
    const said = spawnSync(join(folder, 'carnet'), ['vm', '--help'], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
    });
    assert.equal(said.status, 0, said.stderr);
    assert.match(said.stdout, /^Usage: carnet vm/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a reader that stops reading is no error', () => {
  const said = spawnSync('sh', ['-c', `"${launcher}" policy build | head -n 1`], { encoding: 'utf8' });
  assert.equal(said.status, 0);
  assert.equal(said.stderr, '');
});
