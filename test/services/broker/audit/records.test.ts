import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { decisionId } from '../../../../services/broker/audit/decision-id.ts';
import { openAuditLog } from '../../../../services/broker/audit/log.ts';
import { decide } from '../../../../services/broker/gate/decide.ts';
import type { DecidedAbout, GateAsk } from '../../../../services/broker/runtime/ports.ts';
import type { Label } from '../../../../shared/label/label.ts';
import { systemClock } from '../../../../shared/time/clock.ts';
import type { Decision } from '../../../../shared/vm/decision.ts';
import { asks, contexts, hostFacts } from '../../../support/gate/asks.ts';
import { loaded, shippedText } from '../../../support/gate/shipped.ts';
import { compile } from '../../../support/policy/checkpolicy.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'carnet-audit-'));
  path = join(directory, 'audit.log');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function decisionOn(ask: GateAsk, host = 'accepting'): Promise<Decision> {
  const policy = loaded(await shippedText(host));
  const { outcome, label, questions } = decide(ask, policy, hostFacts);
  return {
    outcome,
    moment: 'offer',
    action: ask.action,
    ...(label === undefined ? {} : { label }),
    questions: [...questions],
    policy: { digest: policy.digest, seqno: 1, enforcing: true },
    host: 'alpha',
    decidedAtMs: 1_700_000_000_007,
  };
}

async function linesOf(decision: Decision, about: Partial<DecidedAbout> = {}): Promise<string[]> {
  const log = await openAuditLog({ path, subject: contexts.broker, clock: systemClock });
  await log.write(decision, { vm: 'demo', by: 'operator', ...about });
  await log.close();
  return (await readFile(path, 'utf8')).trimEnd().split('\n');
}

test('a denied question is a USER_AVC record in the exact text of libselinux', async () => {
  const decision = await decisionOn(asks('migrate-in'), 'no-entrypoint');
  const line = (await linesOf(decision)).find((text) => text.includes('denied')) ?? '';
  const { disk, vm, broker } = contexts;
  const uid = process.getuid?.();
  const start = `type=USER_AVC msg=audit(1700000000.007:1): pid=${process.pid} uid=${uid} auid=4294967295 ses=4294967295 subj=${broker} msg='`;
  assert.ok(line.startsWith(start));
  const rest = line.slice(start.length).replace(/ prev=[0-9a-f]{64} /, ' ');
  assert.equal(
    rest,
    `avc:  denied  { entrypoint } for vm="demo" by="operator" decision=${decisionId(decision)} ` +
      `scontext=${disk} tcontext=${vm} tclass=vm permissive=0 ` +
      `exe="${process.execPath}" sauid=${uid} hostname=? addr=? terminal=?'`,
  );
});

test('a granted question has no permissive field', async () => {
  const lines = await linesOf(await decisionOn(asks('stop')));
  const granted = lines.filter((line) => line.includes('avc:  granted  { stop } for '));
  assert.equal(granted.length, 1);
  assert.doesNotMatch(granted.join(), /permissive/);
});

test('what a permissive host let pass is recorded as denied with permissive=1', async () => {
  const refused = await decisionOn({ ...asks('stop'), client: contexts.monitor });
  const lines = await linesOf({ ...refused, outcome: 'allowed', policy: { ...refused.policy, enforcing: false } });
  assert.match(lines.join('\n'), /avc: {2}denied {2}\{ stop \} for .* permissive=1 /);
  assert.match(lines.at(-1) ?? '', / outcome=allowed .* enforcing=0 /);
});

test('there is one record per question, in order, and one that says what was decided', async () => {
  const decision = await decisionOn(asks('restore'));
  const lines = await linesOf(decision, { operation: 'op-7' });
  assert.equal(lines.length, decision.questions.length + 1);
  assert.match(
    lines.at(-1) ?? '',
    new RegExp(
      `^type=TRUSTED_APP .*op=carnet-decision vm="demo" by="operator" decision=${decisionId(decision)} .*` +
        `operation="op-7" action="restore" moment=offer outcome=allowed label=${contexts.vm} ` +
        `policy=${decision.policy.digest} seqno=1 enforcing=1 res=1 `,
    ),
  );
});

test("a label that could not be computed is in the kernel's words", async () => {
  const lines = await linesOf(await decisionOn({ ...asks('start'), client: contexts.intruder }));
  const { intruder, disk } = contexts;
  assert.match(
    lines.join('\n'),
    new RegExp(
      `^type=USER_SELINUX_ERR .*msg='op=security_compute_sid prev=\\w+ scontext=${intruder} tcontext=${disk} tclass=vm .*reason=TE`,
      'm',
    ),
  );
});

test('names that hold quotes, spaces or line feeds cannot forge a field or a record', async () => {
  const evil = "x' scontext=a:b:c\ntype=USER_AVC msg=audit(1.000:1): avc:  granted";
  const decision = await decisionOn(asks('stop'));
  const lines = await linesOf(decision, { vm: evil, by: '"', operation: 'a b' });
  assert.equal(lines.length, decision.questions.length + 1);
  const hex = Buffer.from(evil).toString('hex').toUpperCase();
  for (const line of lines) {
    assert.ok(line.includes(` vm=${hex} by=22 `), line);
    assert.equal(line.split('scontext=').length, line.includes('USER_AVC') ? 2 : 1);
  }
});

test('a value without limit does not make a record without limit', async () => {
  const label = `operator_u:operator_r:vm_user_t:s0:${'c1,'.repeat(1300)}c2` as Label;
  const lines = await linesOf(await decisionOn({ ...asks('stop'), label }), { vm: 'v'.repeat(100_000) });
  for (const line of lines) assert.ok(Buffer.byteLength(line) < 8970);
});

test('a decision that changed has another id, and one that travelled has the same', async () => {
  const decision = await decisionOn(asks('stop'));
  const travelled = JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(decision).reverse()))) as Decision;
  assert.equal(decisionId(travelled), decisionId(decision));
  assert.notEqual(decisionId({ ...decision, outcome: 'refused' }), decisionId(decision));
});

/** Reads a log with auparse, the library that ausearch and auditd's tools read logs with: a line per record. */
const auparse = `
import auparse, json, sys
log = auparse.AuParser(auparse.AUSOURCE_FILE, sys.argv[1])
while log.parse_next_event():
    log.first_record()
    while True:
        log.first_field()
        fields = {}
        while True:
            fields.setdefault(log.get_field_name(), log.get_field_str())
            if not log.next_field(): break
        print(json.dumps(fields))
        if not log.next_record(): break
`;

test("the audit system's own parser reads every record, field by field", async () => {
  const decision = await decisionOn(asks('migrate-in'), 'no-entrypoint');
  const lines = await linesOf(decision);
  const { stdout } = spawnSync('/usr/bin/python3', ['-c', auparse, path], { encoding: 'utf8', timeout: 20_000 });
  const records = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>);
  assert.equal(records.length, lines.length);
  const named = records.map(({ type, scontext, tcontext, tclass }) => [type, scontext, tcontext, tclass].join(' '));
  assert.ok(named.includes(`USER_AVC ${contexts.disk} ${contexts.vm} vm`), named.join('\n'));
  assert.equal(records.at(-1)?.['op'], 'carnet-decision');
});

test('audit2allow reads the missing rule out of the records', async () => {
  await linesOf(await decisionOn(asks('migrate-in'), 'no-entrypoint'));
  compile(directory, await shippedText('no-entrypoint'), true);
  const { stdout } = spawnSync('audit2allow', ['-p', join(directory, 'policy.bin'), '-i', path], { encoding: 'utf8' });
  assert.match(stdout, /allow qemu_virtdisk_t vm_user_t:vm entrypoint;/);
});

test('the word that a host is off for good is on record with who gave it, about what, and the epoch taken on it', async () => {
  const lines = await linesOf(await decisionOn(asks('recover')), {
    fence: { host: 'beta', also: ['delta', 'epsilon'], heard: ['gamma'], epoch: 1007 },
  });
  const last = lines.at(-1) ?? '';
  assert.match(last, /op=carnet-decision vm="demo" by="operator"/);
  assert.match(
    last,
    /action="recover" moment=offer outcome=allowed fence=confirmed fenced="beta" also_fenced="delta,epsilon" heard="gamma" epoch=1007 /,
  );
});
