import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineReader, parseMessage } from '../../../../../services/broker/vmm/qemu/lines.ts';

function reader(lineBytesMax: number) {
  const lines: string[] = [];
  let tooLong = 0;
  const take = lineReader(
    lineBytesMax,
    (line) => lines.push(line),
    () => tooLong++,
  );
  return { lines, tooLong: () => tooLong, take: (text: string) => take(Buffer.from(text)) };
}

test('lines come out whole however their bytes are cut', () => {
  const text = '{"a":"ü"}\r\n{"b":2}\n\n{"c":3}\n';
  for (let size = 1; size <= Buffer.byteLength(text); size++) {
    const lines: string[] = [];
    const take = lineReader(100, (line) => lines.push(line), assert.fail);
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i += size) take(bytes.subarray(i, i + size));
    assert.deepEqual(lines, ['{"a":"ü"}', '{"b":2}', '', '{"c":3}']);
  }
});

test('a line of exactly the bound is read, one byte more is not, and nothing after it', () => {
  const exact = reader(4);
  exact.take('1234\n');
  assert.deepEqual(exact.lines, ['1234']);

  const over = reader(4);
  over.take('123');
  over.take('45\nnext\n');
  over.take('more\n');
  assert.deepEqual(over.lines, []);
  assert.equal(over.tooLong(), 1);
});

test('a message is a JSON object of bounded nesting and nothing else', () => {
  assert.deepEqual(parseMessage('{"return":{}}'), { return: {} });
  for (const text of ['[]', 'null', '1', '"x"', '{', '']) assert.equal(parseMessage(text), undefined, text);
  const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  assert.notEqual(parseMessage(nested(32)), undefined);
  assert.equal(parseMessage(nested(33)), undefined);
});

test('brackets inside of strings are not nesting', () => {
  const text = JSON.stringify({ a: `${'['.repeat(100)}"\\` });
  assert.deepEqual(parseMessage(text), JSON.parse(text));
});
