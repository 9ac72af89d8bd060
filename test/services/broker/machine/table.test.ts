import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagramOf } from '../../../../services/broker/machine/diagram.ts';
import { rowOf } from '../../../../services/broker/machine/row.ts';
import { step, type TableSpec, tableOf } from '../../../../services/broker/machine/table.ts';

type Lamp =
  | { readonly state: 'off'; readonly turns: number }
  | { readonly state: 'on'; readonly turns: number }
  | { readonly state: 'broken' };
type Turn = { readonly event: 'pressed'; readonly hard: boolean } | { readonly event: 'deadline-passed' };
type Order = { readonly effect: 'light' };

const row = rowOf<Lamp, Turn, Order>();
const rows = [
  row({
    from: 'off',
    on: 'pressed',
    to: 'on',
    next: (s) => ({ state: 'on', turns: s.turns + 1 }),
    effects: () => [{ effect: 'light' }],
  }),
  row({ from: 'on', on: 'deadline-passed', to: 'broken', next: () => ({ state: 'broken' }) }),
  row({ from: 'off', on: 'deadline-passed', to: 'broken', next: () => ({ state: 'broken' }) }),
];
const lamp: TableSpec<Lamp, Turn, Order> = {
  name: 'lamp',
  initial: 'off',
  final: ['broken'],
  deadlinesMs: { off: 1, on: 1 },
  rows,
};

test('a step gives the next state and the effects of its row', () => {
  const stepped = step(tableOf(lamp), { state: 'off', turns: 2 }, { event: 'pressed', hard: false });
  assert.deepEqual(stepped, { ok: true, state: { state: 'on', turns: 3 }, effects: [{ effect: 'light' }] });
});

test('what the table does not have is a value that says so', () => {
  const stepped = step(tableOf(lamp), { state: 'on', turns: 1 }, { event: 'pressed', hard: true });
  assert.deepEqual(stepped, { ok: false, unexpected: { state: 'on', event: 'pressed' } });
});

test('a table with two rows for one state and event does not start', () => {
  assert.throws(() => tableOf({ ...lamp, rows: [...rows, rows[0]!] }), /two rows for off pressed/);
});

test('a table in which a state may wait for ever does not start', () => {
  assert.throws(() => tableOf({ ...lamp, deadlinesMs: { off: 1 } }), /on may wait for ever/);
});

test('a table in which a deadline leads nowhere does not start', () => {
  assert.throws(
    () => tableOf({ ...lamp, rows: rows.filter(({ from }) => from !== 'on') }),
    /on has no way out at its deadline/,
  );
});

test('a table in which a deadline may be an event that leads nowhere does not start', () => {
  const atDeadline = { off: { oneOf: ['deadline-passed', 'pressed'], is: () => 'pressed' as const } } as const;
  assert.equal(tableOf({ ...lamp, atDeadline }).deadlineOf({ state: 'off', turns: 0 }), 'pressed');
  const without = rows.filter(({ on }) => on !== 'pressed');
  assert.throws(() => tableOf({ ...lamp, rows: without, atDeadline }), /off has no way out at its deadline/);
});

test('how long a state may last follows from what it holds, where the table says so', () => {
  const table = tableOf({ ...lamp, deadlinesMs: { off: ({ turns }) => turns * 1000, on: 1 } });
  assert.equal(table.lastingMs({ state: 'off', turns: 3 }), 3000);
  assert.equal(table.lastingMs({ state: 'on', turns: 3 }), 1);
  assert.equal(table.lastingMs({ state: 'broken' }), undefined);
  assert.equal(table.deadlineOf({ state: 'off', turns: 3 }), 'deadline-passed');
});

test('a table with a row out of a final state does not start', () => {
  assert.throws(() => tableOf({ ...lamp, final: ['off'] }), /leaves the final state off/);
});

test('the diagram has one arrow for every row', () => {
  const arrows = diagramOf(tableOf(lamp))
    .split('\n')
    .filter((line) => /^ {2}\w+ --> \w+: /.test(line));
  assert.deepEqual(arrows, [
    '  off --> on: pressed',
    '  on --> broken: deadline-passed',
    '  off --> broken: deadline-passed',
  ]);
});
