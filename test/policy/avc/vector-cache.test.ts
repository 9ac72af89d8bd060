import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ALLOWED, createVectorCache } from '../../../policy/avc/vector-cache.ts';

const vector = (allowed: number) => ({ allowed, auditallow: 0, auditdeny: 0, permissive: false });

describe('the table of access vectors', () => {
  it('finds what was put in last, or nothing, never what belongs to another key or stood before a flush', () => {
    const key = fc.tuple(fc.nat(6), fc.nat(6), fc.nat(3));
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('insert' as const), key, value: fc.integer() }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('find' as const), key }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 120 }), (entries, steps) => {
        const cache = createVectorCache(entries);
        const model = new Map<string, number>();
        for (const one of steps) {
          if (one.do === 'flush') {
            cache.flush();
            model.clear();
          } else if (one.do === 'insert') {
            const at = cache.insert(...one.key, vector(one.value));
            model.set(one.key.join(' '), one.value);
            assert.equal(cache.find(...one.key), at);
          } else {
            const at = cache.find(...one.key);
            if (at >= 0) assert.equal(cache.words[at + ALLOWED], model.get(one.key.join(' ')));
          }
        }
      }),
    );
  });

  it('holds as many as it is made for when they fall into different sets, four of each', () => {
    const cache = createVectorCache(1024);
    for (let source = 1; source <= 200; source++) cache.insert(source, 1, 1, vector(source));
    const found = Array.from({ length: 200 }, (_, index) => cache.find(index + 1, 1, 1)).filter((at) => at >= 0);
    assert.ok(found.length > 190, `${found.length} of 200`);
  });

  it('finds nothing before anything was put in, also under the key of zeros', () => {
    assert.equal(createVectorCache(4).find(0, 0, 0), -1);
  });
});
