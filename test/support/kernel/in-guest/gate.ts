/*
 * Runs in the guest. Takes the decisions of a broker whose policy is the kernel's, with the shipped policy loaded. A line for each:
 * a name, and the decision as JSON.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createGate } from '../../../../services/broker/gate/gate.ts';
import { openPolicy } from '../../../../services/broker/gate/open-policy.ts';
import { asks, contexts } from '../../gate/asks.ts';

const onRecord: string[] = [];
const record = async (what: string): Promise<void> => void onRecord.push(what);
const load = (path: string) => writeFileSync('/sys/fs/selinux/load', readFileSync(path));

load('/accepting.bin');
const { holder, holdsProcesses } = openPolicy({
  cacheDirectory: '/nowhere',
  onLoad: ({ seqno }) => record(`policy ${seqno}`),
});
const gate = createGate({
  policy: holder.current,
  host: 'alpha',
  hostLabel: contexts.broker,
  storeLabel: contexts.store,
  confined: holdsProcesses,
  mustConfine: true,
  enforcing: true,
  clock: { nowMs: () => 0, after: () => () => {} },
  audit: { write: ({ outcome, policy }) => record(`${outcome} under ${policy.seqno}`) },
});

async function say(name: string, action: Parameters<typeof asks>[0]): Promise<void> {
  const decision = await gate.decide(asks(action), 'request', { vm: 'web', by: 'operator' });
  console.log(JSON.stringify([name, decision]));
}

for (const action of ['start', 'migrate-in', 'restore', 'save'] as const) await say(action, action);
load('/no-entrypoint.bin');
await say('start, after a reload', 'start');
console.log(JSON.stringify(['on record', onRecord]));
