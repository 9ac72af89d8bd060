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

/** The titles of a file's tests as they are written; a title may be a template. */
const titlesOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/\b(?:test|it|describe)\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g)].map(
    ([, , title = '']) => title,
  );

test('every test that is named has these words in its title', () => {
  assert.ok(named.length > 20);
  const missing = named.filter(
    ({ file, words }) => !existsSync(file) || !titlesOf(file).some((title) => title.includes(words)),
  );
  assert.deepEqual(missing, []);
});
