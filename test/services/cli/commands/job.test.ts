import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Client } from '../../../../services/cli/client/client.ts';
import type { CheckpointId, HostName, JobName, OperationId, VmName } from '../../../../shared/ids.ts';
import type { JobAnswer, JobAsk, JobSummary, JobView, RunView } from '../../../../shared/messages/job.ts';
import { aDecision } from '../../scheduler/support/decision.ts';
import { carnet as runCommandLine } from '../run-carnet.ts';

before(() => {
  process.env['TZ'] = 'UTC';
});

const at = (text: string) => Date.parse(`2026-03-08T${text}Z`);
const checkpoint = (n: string) => `cp-${n.repeat(26)}` as CheckpointId;
const run = (n: number, outcome: RunView['outcome'], over: Partial<RunView> = {}): RunView => ({
  run: n,
  trigger: 'schedule',
  dueAtMs: at('02:00:00') + n * 60_000,
  startedAtMs: at('02:00:00') + n * 60_000,
  endedAtMs: at('02:00:01') + n * 60_000,
  host: 'alpha' as HostName,
  operation: `op-${'0'.repeat(26)}` as OperationId,
  outcome,
  removed: [],
  kept: [],
  ...over,
});
const completed = run(
  4,
  { is: 'completed', checkpoint: checkpoint('4'), pauseMs: 2.6 },
  {
    removed: [checkpoint('1')],
    kept: [{ host: 'beta' as HostName, checkpoint: checkpoint('2'), why: 'in use: web maps it' }],
  },
);
const refused = run(3, {
  is: 'refused',
  decision: { ...aDecision('refused'), questions: [aDecision('refused').questions[1]!] },
});
const failed = run(
  2,
  { is: 'failed', fault: { code: 'VM_BUSY', message: 'another operation is under way' } },
  { trigger: 'request' },
);
const skipped = run(1, { is: 'skipped', reason: 'web is stopped; alpha ran it last' }, { host: null });

const often: JobSummary = {
  job: 'often' as JobName,
  vm: 'web' as VmName,
  schedule: 'every 15 min',
  timeZone: 'UTC',
  keepLast: 4,
  paused: false,
  nextDueAtMs: at('02:30:00'),
  open: { run: 5, startedAtMs: at('02:15:00'), phase: 'following', host: 'alpha' as HostName },
  last: { run: 4, endedAtMs: at('02:04:01'), is: 'completed' },
};
const nightly: JobSummary = {
  ...often,
  job: 'nightly' as JobName,
  schedule: '30 2 * * *',
  timeZone: 'America/New_York',
  keepLast: 7,
  paused: true,
  nextDueAtMs: null,
  open: null,
  last: null,
};
const view = (summary: JobSummary, lastRun: RunView | null): JobView => ({
  summary,
  client: 'operator' as JobView['client'],
  createdAtMs: at('01:00:00'),
  upcomingAtMs: [at('07:00:00'), at('07:00:00') + 86_400_000],
  lastRun,
});

/** Runs a command line against a scheduler that answers as given, and shows what a person would see. */
async function carnet(argv: string[], ...answers: JobAnswer[]) {
  const asked: JobAsk[] = [];
  const client = {
    async askScheduler(ask: JobAsk): Promise<JobAnswer> {
      asked.push(ask);
      return answers.shift() ?? assert.fail('asked once too often');
    },
    async close() {},
  } as unknown as Client;
  const said = await runCommandLine(argv, { connect: async () => client });
  return { asked, status: said.status, out: said.stdout, err: said.stderr };
}
const lines = (...text: string[]) => `${text.join('\n')}\n`;

describe('carnet job', () => {
  test('add asks for a period or a calendar, and shows when the job comes due', async () => {
    const shown = await carnet(
      [
        'job',
        'add',
        'nightly',
        '--vm',
        'web',
        '--calendar',
        '30 2 * * *',
        '--time-zone',
        'America/New_York',
        '--keep-last',
        '7',
      ],
      { is: 'job', job: view(nightly, null) },
    );
    assert.deepEqual(shown.asked, [
      {
        verb: 'add',
        job: 'nightly',
        vm: 'web',
        schedule: '30 2 * * *',
        timeZone: 'America/New_York',
        keepLast: 7,
      },
    ]);
    assert.equal(
      shown.out,
      lines(
        'job:            nightly',
        'acts for:       operator',
        'vm:             web',
        'schedule:       30 2 * * * America/New_York',
        'keep last:      7',
        'added:          2026-03-08 01:00:00',
        'state:          paused',
        'would be next:  2026-03-08 07:00:00',
        'then:           2026-03-09 07:00:00',
      ),
    );
    const period = await carnet(['job', 'add', 'often', '--vm', 'web', '--every', '15 min', '--keep-last', '4'], {
      is: 'job',
      job: view(often, null),
    });
    assert.deepEqual(
      period.asked.map((ask) => ask.verb === 'add' && ask.schedule),
      ['every 15 min'],
    );
  });

  test('add refuses what cannot be a job before anybody is asked', async () => {
    const base = ['job', 'add', 'often', '--vm', 'web', '--keep-last', '4'];
    for (const [argv, message] of [
      [base, 'say either --every or --calendar'],
      [[...base, '--every', '5 s', '--time-zone', 'Europe/Berlin'], 'a period has no time zone'],
      [['job', 'add', 'Often', '--vm', 'web', '--keep-last', '4', '--every', '5 s'], '`Often` is not a job name'],
      [['job', 'add', 'often', '--vm', 'web', '--keep-last', '0', '--every', '5 s'], '`0` is not a count'],
      [['job', 'add', 'often', '--vm', 'web', '--every', '5 s'], "required option '--keep-last <count>'"],
      [[...base, '--every', '5 s', '--calendar', '* * * * *'], "cannot be used with option '--calendar"],
    ] as const) {
      const shown = await carnet([...argv]);
      assert.equal(shown.status, 2, message);
      assert.ok(shown.err.includes(message), shown.err);
      assert.deepEqual(shown.asked, []);
    }
  });

  test('list shows schedule, state, next and last run', async () => {
    const shown = await carnet(['job', 'list'], { is: 'jobs', jobs: [nightly, often] });
    assert.equal(
      shown.out,
      lines(
        'JOB      VM   SCHEDULE                     KEEP  STATE                     NEXT                 LAST RUN',
        'nightly  web  30 2 * * * America/New_York     7  paused                    -                    -',
        'often    web  every 15 min                    4  run 5 following on alpha  2026-03-08 02:30:00  completed 2026-03-08 02:04:01',
      ),
    );
    assert.equal((await carnet(['job', 'list'], { is: 'jobs', jobs: [] })).out, 'no jobs\n');
    assert.equal(
      (await carnet(['job', 'list', '-o', 'name'], { is: 'jobs', jobs: [nightly, often] })).out,
      'nightly\noften\n',
    );
  });

  test('history tells each run in a line: checkpoint, missing rule, fault or reason', async () => {
    const shown = await carnet(['job', 'history', 'often', '--last', '4'], {
      is: 'runs',
      runs: [completed, refused, failed, skipped],
    });
    assert.deepEqual(shown.asked, [{ verb: 'history', job: 'often', runs: 4 }]);
    assert.equal(
      shown.out,
      lines(
        'RUN  DUE                  STARTED               TOOK  HOST   OUTCOME    DETAILS',
        '  4  2026-03-08 02:04:00  2026-03-08 02:04:00  1.0 s  alpha  completed  cp-44444444444444444444444444, guest paused 3 ms, 1 removed, 1 not removed',
        '  3  2026-03-08 02:03:00  2026-03-08 02:03:00  1.0 s  alpha  refused    by alpha, missing: allow monitor_t vm_web_t:vm { save };',
        '  2  asked for            2026-03-08 02:02:00  1.0 s  alpha  failed     another operation is under way [VM_BUSY]',
        '  1  2026-03-08 02:01:00  2026-03-08 02:01:00  1.0 s  -      skipped    web is stopped; alpha ran it last',
      ),
    );
    const json = await carnet(['job', 'history', 'often', '--json'], { is: 'runs', runs: [completed] });
    assert.deepEqual(JSON.parse(json.out), { schema: 1, runs: [completed] });
  });

  test('show tells the last run with what keep-last did', async () => {
    const shown = await carnet(['job', 'show', 'often'], { is: 'job', job: view(often, completed) });
    assert.equal(
      shown.out.slice(shown.out.indexOf('last run')),
      lines(
        'last run',
        'run:          4, due 2026-03-08 02:04:00',
        'started:      2026-03-08 02:04:00, took 1.0 s',
        'host:         alpha',
        'operation:    op-00000000000000000000000000',
        'outcome:      completed: cp-44444444444444444444444444, guest paused 3 ms, 1 removed, 1 not removed',
        'removed:      cp-11111111111111111111111111',
        'not removed:  cp-22222222222222222222222222 on beta: in use: web maps it',
      ),
    );
    const other = await carnet(['job', 'show', 'often'], { is: 'job', job: view(often, refused) });
    assert.match(other.out, /✗ user_u:user_r:monitor_t system_u:system_r:vm_web_t:vm \{ save \} {2}\[TE\]/);
    assert.match(other.out, /missing: allow monitor_t vm_web_t:vm \{ save \};\n$/);
  });

  test('run starts one and says so, or waits and ends as the run did', async () => {
    const started: JobAnswer = { is: 'started', run: 3 };
    const shown = await carnet(['job', 'run', 'often'], started);
    assert.equal(shown.out, 'run 3 is started; carnet job history often shows how it ends\n');
    const waited = await carnet(['job', 'run', 'often', '--wait'], started, { is: 'runs', runs: [refused, failed] });
    assert.equal(waited.status, 8);
    assert.match(waited.err, /missing: allow monitor_t/);
    const late = await carnet(['job', 'run', 'often', '--wait', '--timeout', '0s'], started, {
      is: 'runs',
      runs: [failed],
    });
    assert.equal(late.status, 6);
    assert.match(late.err, /run 3 has not ended within 0 ms/);
  });

  test('rm, pause and resume ask for just that', async () => {
    const removed = await carnet(['job', 'rm', 'often'], { is: 'removed', job: 'often' as JobName });
    assert.equal(removed.out, '✓ job often is removed; its checkpoints stay\n');
    for (const verb of ['pause', 'resume']) {
      const shown = await carnet(['job', verb, 'often'], { is: 'job', job: view(often, null) });
      assert.deepEqual(shown.asked, [{ verb, job: 'often' }]);
    }
  });

  test('a fault of the scheduler is told with its hint and its exit status', async () => {
    const fault = {
      code: 'IDENTITY_UNKNOWN',
      message: 'this scheduler cannot act for intruder',
      hint: 'give it one',
    } as const;
    const shown = await carnet(['job', 'add', 'often', '--vm', 'web', '--every', '5 s', '--keep-last', '2'], {
      is: 'failed',
      fault,
    });
    assert.equal(shown.status, 8);
    assert.equal(shown.err, 'carnet: this scheduler cannot act for intruder [IDENTITY_UNKNOWN]\n  give it one\n');
    assert.equal(shown.out, '');
  });

  test('every verb has its help, with examples', async () => {
    for (const verb of ['add', 'list', 'show', 'history', 'rm', 'pause', 'resume', 'run']) {
      const { out, status } = await carnet(['job', verb, '--help']);
      assert.equal(status, 0);
      assert.match(out, new RegExp(`Usage: carnet job ${verb}[^]*Examples:\n {2}\\$ carnet job ${verb}`));
    }
  });
});
