import assert from 'node:assert/strict';
import { test } from 'node:test';
import { courseAfter, courseBegins, verdictOn } from '../../../../services/broker/migrate/course.ts';

const second = 1000;
type Look = Parameters<typeof courseAfter>[1];

/** The course after looks that are a second apart. */
const after = (looks: readonly Look[]) =>
  looks.reduce((course, look) => courseAfter(course, look, second), courseBegins);
/** `count` looks at a transfer that sends `sent` bytes a second, and of which `left` says what a pass begins with. */
const looks = (count: number, sent: number, passes: (at: number) => number, left: (pass: number) => number): Look[] =>
  Array.from({ length: count }, (_, at) => ({
    transferredBytes: 1 + at * sent,
    passes: passes(at),
    remainingBytes: left(passes(at)),
  }));

test('a transfer that sends is on its way, however long it takes', () => {
  const course = after(
    looks(
      10_000,
      1,
      () => 1,
      () => 1e9,
    ),
  );
  assert.deepEqual([course.stalledForMs, course.notConvergingForMs], [0, 0]);
  assert.equal(verdictOn(course), undefined);
});

test('no byte for a minute is a stall; one byte is not', () => {
  const silent = looks(
    60,
    0,
    () => 1,
    () => 1e9,
  );
  const course = after(silent);
  assert.equal(course.stalledForMs, 59 * second);
  assert.equal(verdictOn(course), undefined);
  const last = silent.at(-1);
  assert.ok(last);
  assert.equal(verdictOn(courseAfter(course, last, second))?.is, 'stalled');
  const sent = courseAfter(course, { ...last, transferredBytes: last.transferredBytes + 1 }, second);
  assert.deepEqual([sent.stalledForMs, verdictOn(sent)], [0, undefined]);
});

test('a QEMU that gives no figures has sent nothing', () => {
  const course = after([
    { transferredBytes: 9, passes: 1, remainingBytes: 9 },
    ...Array.from({ length: 60 }, () => undefined),
  ]);
  assert.equal(verdictOn(course)?.is, 'stalled');
  assert.equal(course.transferredBytes, 9);
});

test('passes that begin with less and less converge, in whatever steps', () => {
  const course = after(
    looks(
      3000,
      1000,
      (at) => 1 + Math.floor(at / 10),
      (pass) => 1e9 - pass,
    ),
  );
  assert.deepEqual([course.notConvergingForMs, verdictOn(course)], [0, undefined]);
});

test('three passes that begin with no less do not converge, which is over as soon as one does', () => {
  const flat = looks(
    31,
    1000,
    (at) => 1 + Math.floor(at / 10),
    () => 5000,
  );
  assert.equal(after(flat.slice(0, 30)).notConvergingForMs, 0);
  const course = after(flat);
  assert.equal(course.notConvergingForMs, second);
  const less = courseAfter(course, { transferredBytes: 1e9, passes: course.passes + 1, remainingBytes: 4999 }, second);
  assert.equal(less.notConvergingForMs, 0);
});

test('what does not converge for five minutes is judged so, and what a pass ends with does not count', () => {
  const course = after(
    looks(
      340,
      1000,
      (at) => 1 + Math.floor(at / 10),
      () => 5000,
    ),
  );
  assert.equal(verdictOn(course)?.is, 'not-converging');
  // Every pass ends with next to nothing left; the next begins with as much as before.
  const endings = looks(
    340,
    1000,
    (at) => 1 + Math.floor(at / 10),
    () => 5000,
  ).map((look, at) => (look !== undefined && at % 10 === 9 ? { ...look, remainingBytes: 1 } : look));
  assert.equal(verdictOn(after(endings))?.is, 'not-converging');
});
