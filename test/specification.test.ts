import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const text = readFileSync('SPECIFICATION.md', 'utf8');
const named = [...text.matchAll(/^- `(test\/[^`]+)` "([^"]+)"$/gm)].map(([, file = '', words = '']) => ({
  file,
  words,
}));

test('every promise names a test', () => {
  const promises = text.split(/^(?=\*\*P\d+\.)/m).slice(1);
  assert.deepEqual(
    promises.map((promise) => promise.match(/^\*\*P(\d+)/)?.[1]),
    promises.map((_, index) => String(index + 1)),
  );
  assert.deepEqual(
    promises.filter((promise) => !/^- `test\//m.test(promise)),
    [],
  );
});

test('every test that is named exists under these words', () => {
  assert.ok(named.length > 20);
  const missing = named.filter(({ file, words }) => !existsSync(file) || !readFileSync(file, 'utf8').includes(words));
  assert.deepEqual(missing, []);
});
