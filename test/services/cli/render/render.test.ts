import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderDiagnostic } from '../../../../services/cli/render/diagnostic.ts';
import { endingJson, exitOf, renderEnding } from '../../../../services/cli/render/fault.ts';
import { renderOperation, renderOutcome } from '../../../../services/cli/render/operation.ts';
import { type Listing, type outputFormats, renderListing } from '../../../../services/cli/render/output.ts';
import { progressDisplay, progressLine, shareDone } from '../../../../services/cli/render/progress.ts';
import { plain, styleFor } from '../../../../services/cli/render/style.ts';
import { renderFields } from '../../../../services/cli/render/table.ts';
import { bytesText, durationText, parseBytes, parseDuration } from '../../../../services/cli/render/units.ts';
import { vmColumns } from '../../../../services/cli/render/vm.ts';
import { toYaml } from '../../../../shared/config/write-config.ts';
import { faultCodeNames, faultCodes } from '../../../../shared/errors/codes.ts';
import type { OperationView, VmSummary } from '../../../../shared/messages/view.ts';
import { clientId, decisionOf, hostId, labelOf, operationIdOf, vmId } from '../../../support/values.ts';

const view = (changes: Partial<OperationView> = {}): OperationView => ({
  operation: operationIdOf(1),
  kind: 'migrate-source',
  vm: vmId('web'),
  state: 'transferring',
  client: clientId('operator'),
  startedAtMs: 0,
  endedAtMs: null,
  progress: { phase: 'transferring' },
  decisions: [],
  outcome: null,
  ...changes,
});

const vms: Listing<VmSummary> = {
  key: 'vms',
  rows: [
    {
      vm: vmId('web'),
      host: hostId('alpha'),
      state: 'running',
      label: labelOf('u:r:vm_t:s0:c1'),
      epoch: 12,
      memoryMiB: 256,
    },
    { vm: vmId('database'), host: hostId('beta'), state: 'stopped', label: null, epoch: 0, memoryMiB: 65536 },
  ],
  columns: vmColumns,
  name: (row) => row.vm,
  empty: 'no VMs',
};
const listed = (format: (typeof outputFormats)[number]) => renderListing(vms, format, plain, toYaml);

test('the fields of one thing line up, and a list goes on below its name', () => {
  const fields = [
    ['vm', 'web'],
    ['images', 'a'],
    ['', 'b'],
    ['pid', undefined],
  ] as const;
  assert.equal(renderFields(fields, plain), 'vm:      web\nimages:  a\n         b\n');
});

test('a table lines its columns up, numbers to the right', () => {
  assert.equal(
    listed('table'),
    `VM        HOST   STATE    EPOCH     MEMORY  LABEL
web       alpha  running     12    256 MiB  u:r:vm_t:s0:c1
database  beta   stopped      0  65536 MiB  -
`,
  );
  assert.equal(renderListing({ ...vms, rows: [] }, 'table', plain, toYaml), 'no VMs\n');
});

test('the machine formats hold the same rows', () => {
  assert.deepEqual(JSON.parse(listed('json')), { schema: 1, vms: vms.rows });
  assert.deepEqual(
    listed('jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    vms.rows,
  );
  assert.match(listed('yaml'), /^schema: 1\nvms:\n {2}- vm: web\n/);
  assert.equal(listed('name'), 'web\ndatabase\n');
  assert.equal(renderListing({ ...vms, rows: [] }, 'jsonl', plain, toYaml), '');
});

test('every fault has an exit status of the table, and none is taken for success', () => {
  for (const code of faultCodeNames) {
    const status = exitOf({ is: 'fault', fault: { code, message: 'x' } });
    assert.equal(status, faultCodes[code].exit);
    assert.ok([1, 2, 4, 5, 6, 7, 8, 9, 10, 130].includes(status), `${code}: ${status}`);
  }
  assert.equal(exitOf({ is: 'refused', decision: decisionOf('refused') }), 8);
  assert.equal(exitOf({ is: 'partial', missing: ['beta'] }), 3);
  assert.equal(exitOf({ is: 'detached', operation: operationIdOf(1) }), 130);
});

test('a fault names what happened, its code and what to do', () => {
  const fault = { code: 'VM_BUSY', message: 'web is busy', hint: 'try again' } as const;
  assert.equal(renderEnding({ is: 'fault', fault }, plain), 'carnet: web is busy [VM_BUSY]\n  try again\n');
  assert.deepEqual(JSON.parse(JSON.stringify(endingJson({ is: 'fault', fault, operation: operationIdOf(2) }))), {
    schema: 1,
    code: 5,
    name: 'VM_BUSY',
    message: 'web is busy',
    hint: 'try again',
    op: operationIdOf(2),
  });
});

test('how an operation ended is one line', () => {
  const progress = {
    phase: 'completed',
    transferredBytes: 3 * 1024 ** 2,
    bytesPerSecond: 1024 ** 2,
    downtimeMs: 12.4,
    totalMs: 3000,
  };
  const completed = view({ peer: hostId('beta'), outcome: { is: 'completed', label: labelOf('u:r:t:s0') }, progress });
  assert.equal(
    renderOutcome(completed, plain),
    '✓ migrate web to beta as u:r:t:s0 (3.00 MiB sent at 1.00 MiB/s, downtime 12 ms, 3.0 s in all)\n',
  );
  const broken = { is: 'failed', fault: { code: 'TRANSFER_FAILED', message: 'the link broke' } } as const;
  const failed = view({ peer: hostId('beta'), outcome: broken });
  assert.equal(renderOutcome(failed, plain), '✗ migrate web to beta: the link broke [TRANSFER_FAILED]\n');
  assert.equal(
    renderOutcome({ ...failed, kind: 'migrate-destination' }, plain).split(':')[0],
    '✗ take in web from beta',
  );
  assert.equal(renderOutcome({ ...failed, kind: 'start' }, plain).split(':')[0], '✗ start web');
});

test('progress is the share that remains, and fits the terminal', () => {
  const progress = { phase: 'transferring', transferredBytes: 30, remainingBytes: 25, totalBytes: 100 };
  assert.equal(shareDone(progress), 0.75);
  assert.equal(shareDone({ phase: 'offering' }), undefined);
  for (const columns of [50, 80, 200]) assert.ok(progressLine(view({ progress }), columns, plain).length < columns + 8);
  assert.match(progressLine(view({ progress }), 80, plain), /^ {2}transferring {7}█+░+ {2}75 %/);
});

test('a transfer that goes nowhere says why, where its bar would be, and no longer when it is over', () => {
  const figures = { phase: 'transferring', transferredBytes: 30, remainingBytes: 25, totalBytes: 100 };
  const rates = { dirtyBytesPerSecond: 3 * 1024 ** 2, bytesPerSecond: 1024 ** 2 };
  const line = (more: object) => progressLine(view({ progress: { ...figures, ...more } }), 200, plain);
  assert.equal(line({ stalledForMs: 12_400 }), '  transferring  75 %  stalled: nothing sent for 12.4 s');
  assert.equal(
    line({ ...rates, notConvergingForMs: 61_000, throttlePercent: 40 }),
    '  transferring  75 %  does not converge for 1 min 1 s: the guest writes 3.00 MiB/s, 1.00 MiB/s are sent; guest slowed down by 40 %',
  );
  assert.match(line({ stalledForMs: 500, notConvergingForMs: 0, throttlePercent: 0 }), /█/);
  const shown = view({ progress: { ...figures, stalledForMs: 12_400 } });
  assert.match(renderOperation(shown, plain), /^trouble: +stalled: nothing sent for 12\.4 s$/m);
  assert.doesNotMatch(renderOperation({ ...shown, outcome: { is: 'cancelled' } }, plain), /trouble/);
});

test('an operation shows how its migration was asked to go', () => {
  const shown = (options: OperationView['options']) =>
    /^options: +(.*)$/m.exec(renderOperation(view(options === undefined ? {} : { options }), plain))?.[1];
  assert.equal(shown(undefined), undefined);
  assert.equal(shown({ bandwidthBytesPerSecond: 0, downtimeMsMax: 300 }), 'downtime 300 ms, abort at the timeout');
  const all = {
    bandwidthBytesPerSecond: 64 * 1024 ** 2,
    downtimeMsMax: 1500,
    autoConverge: true,
    timeoutMs: 600_000,
    onTimeout: 'force',
  } as const;
  assert.equal(shown(all), 'at most 64.0 MiB/s, downtime 1.5 s, auto-converge, force after 10 min 0 s');
});

test('without a terminal progress is a line each ten seconds, and no escape sequence', () => {
  let now = 0;
  const out: string[] = [];
  const display = progressDisplay({ write: (text) => out.push(text) }, plain, () => now);
  display.show(view());
  assert.deepEqual(out, []);
  now = 10_000;
  display.show(view());
  now = 15_000;
  display.show(view());
  display.clear();
  assert.deepEqual(out, ['transferring\n']);
});

test('colours need a terminal and go without them where NO_COLOR is set', () => {
  assert.equal(styleFor({ isTTY: true }, { NO_COLOR: '1' }).good('x'), 'x');
  assert.equal(styleFor({ isTTY: false }, {}).good('x'), 'x');
  assert.equal(styleFor({ isTTY: true }, { TERM: 'dumb' }).good('x'), 'x');
  assert.notEqual(styleFor({ isTTY: true }, { TERM: 'xterm' }).good('x'), 'x');
  assert.notEqual(styleFor({}, { FORCE_COLOR: '1' }).good('x'), 'x');
});

test('a diagnostic shows the line with a caret under what is wrong, tabs and all', () => {
  const diagnostic = {
    severity: 'error',
    file: 'modules/vm.te',
    line: 3,
    column: 8,
    span: { start: 27, end: 31 },
    message: 'unknown type `foo_t`',
    hint: 'declare it',
  } as const;
  assert.equal(
    renderDiagnostic(diagnostic, '\tallow foo_t self:vm start;', plain),
    'modules/vm.te:3:8: error: unknown type `foo_t`\n  \tallow foo_t self:vm start;\n  \t      ^^^^\n  hint: declare it\n',
  );
  assert.equal(renderDiagnostic({ ...diagnostic, severity: 'warning' }, undefined, plain).split('\n').length, 3);
});

test('sizes and times are read with their units, and refused without', () => {
  assert.deepEqual(['64MiB', '64M', '1G', '512', '10KB'].map(parseBytes), [
    64 * 1024 ** 2,
    64 * 1024 ** 2,
    1024 ** 3,
    512,
    10240,
  ]);
  assert.deepEqual(['', '-1', '1.5M', '64Mbit', '1e9', '9999999999999'].map(parseBytes), Array(6).fill(undefined));
  assert.deepEqual(['300ms', '5s', '2min', '2m', '1h'].map(parseDuration), [300, 5000, 120_000, 120_000, 3_600_000]);
  assert.deepEqual(['300', '', '1d', '-5s'].map(parseDuration), Array(4).fill(undefined));
  assert.deepEqual([0, 1023, 1536, 5 * 1024 ** 3].map(bytesText), ['0 B', '1023 B', '1.50 KiB', '5.00 GiB']);
  assert.deepEqual([0, 12.4, 1500, 61_000, 3_720_000].map(durationText), [
    '0 ms',
    '12 ms',
    '1.5 s',
    '1 min 1 s',
    '1 h 2 min',
  ]);
});
