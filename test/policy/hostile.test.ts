import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { loadPolicy } from '../../policy/load.ts';
import { handWritten } from '../support/policy/hand-written.ts';
import { createRandom } from '../support/policy/random.ts';
import { randomPolicy } from '../support/policy/random-policy.ts';

function numbered(count: number, line: (number: number) => string): string {
  return Array.from({ length: count }, (_, number) => line(number)).join('\n');
}

/** Loads; whatever comes, it is a policy or diagnostics with places inside the text. */
function load(text: string): boolean {
  const loaded = loadPolicy(text);
  const found = loaded.ok ? loaded.warnings : loaded.diagnostics;
  if (!loaded.ok) assert.ok(loaded.diagnostics.some(({ severity }) => severity === 'error'));
  for (const { span, line, column, message } of found) {
    assert.ok(
      span.start >= 0 && span.end >= span.start && span.end <= text.length,
      `${span.start}-${span.end} in ${text.length}: ${message}`,
    );
    assert.ok(line >= 0 && column >= 1);
  }
  return loaded.ok;
}

const source = handWritten['everything that changes a range']?.text ?? '';

const inRules = (rules: string): string => source.replace('user system_u', `${rules}\nuser system_u`);

describe('a hostile source never crashes the loader', () => {
  it('random characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => !load(text)),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => !load(Buffer.from(bytes).toString('latin1'))),
      { numRuns: 300 },
    );
  });

  it('a policy cut short at any point', () => {
    const random = createRandom(1);
    for (let round = 0; round < 150; round++) load(source.slice(0, random.below(source.length)));
  });

  it('a policy with words removed, doubled, swapped or made up', () => {
    const random = createRandom(2);
    const words = source.split(/(?<=[\s;:{}])/);
    const made = [
      '*',
      '~',
      '-',
      'self',
      '{',
      '}',
      '(',
      ')',
      ';',
      ':',
      'r1',
      'if',
      'c0.c9',
      '"x"',
      'optional',
      'else',
      'require { type nope; }',
      'optional { require { type nope; }',
      'allowxperm user_t other_t:file ioctl { 0x0-0xffffffffff };',
      'neverallowxperm * *:file ioctl ~1;',
      'iomemcon 0xffffffffffffffffff',
      '__proto__',
      '0x',
      '#line 4294967296 "x"\n',
      '\u{1f600}',
    ];
    for (let round = 0; round < 300; round++) {
      const changed = [...words];
      for (let change = 0; change <= random.below(3); change++) {
        const at = random.below(changed.length);
        const insert = random.pick([
          [],
          [random.pick(words)],
          [random.pick(made)],
          [changed[at] ?? '', changed[at] ?? ''],
        ]);
        changed.splice(at, 1, ...insert);
      }
      load(changed.join(''));
    }
  });

  it('random policies with statements of others mixed in', () => {
    const random = createRandom(3);
    for (let seed = 1; seed <= 30; seed++) {
      const lines = randomPolicy(seed).text.split('\n');
      const others = randomPolicy(seed + 1000).text.split('\n');
      for (let change = 0; change < 3; change++)
        lines.splice(random.below(lines.length), random.below(2), random.pick(others));
      load(lines.join('\n'));
    }
  });

  const deep: readonly (readonly [string, string])[] = [
    ['open brackets', '('.repeat(1_000_000)],
    ['open braces after a policy', source + '{'.repeat(200_000)],
    [
      'a condition of many negations',
      source.replace('user system_u', `if (${'!'.repeat(200_000)} on) { }\nuser system_u`),
    ],
    [
      'a condition of negated right sides',
      source.replace('user system_u', `if (${'on == !'.repeat(20_000)} on) { }\nuser system_u`),
    ],
    [
      'a constraint of many negations',
      source.replace(
        'sid kernel system_u',
        `constrain vm start ( ${'not '.repeat(100_000)} u1 == u2 );\nsid kernel system_u`,
      ),
    ],
    ['optionals nested too deep', inRules(`${'optional { '.repeat(50_000)} ; ${'}'.repeat(50_000)}`)],
    [
      'optionals that fall one after the other',
      inRules(numbered(20_000, (n) => `optional { require { type x${n + 1}; } type x${n}; }`)),
    ],
    [
      'optionals that are all dropped',
      inRules(
        numbered(20_000, (n) => `optional { require { type nope${n}; } allow { domain -user_t } domain:file read; }`),
      ),
    ],
    ['an xperm set of 200,000 ranges', inRules(`allowxperm user_t self:file ioctl { ${'5-9 '.repeat(200_000)} };`)],
    ['many neverallows', inRules(numbered(50_000, () => 'neverallow * *:vm start;'))],
    ['many labelled ranges', `${source}${numbered(6_000, (n) => `portcon tcp ${n + 1} system_u:object_r:other_t:s0`)}`],
    ['a name of a million characters', `class ${'a'.repeat(1_000_000)}`],
    ['a million semicolons', source.replace('user system_u', `${';'.repeat(1_000_000)}user system_u`)],
    [
      'a set of 200,000 names',
      source.replace('user system_u', `allow { ${'user_t '.repeat(200_000)} } other_t:file read;\nuser system_u`),
    ],
  ];
  for (const [title, text] of deep) {
    it(title, () => void load(text));
  }

  it('names that are properties of every object', () => {
    const text = source
      .replaceAll('user_t', 'constructor')
      .replaceAll('other_t', '__proto__x'.slice(2))
      .replaceAll('domain', 'hasOwnProperty');
    assert.equal(load(text), true);
  });
});
