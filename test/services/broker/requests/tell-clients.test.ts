import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTeller } from '../../../../services/broker/requests/tell-clients.ts';
import { BrokerError } from '../../../../shared/errors/broker-error.ts';
import { silentLogger } from '../../../../shared/log/logger.ts';
import type { Endpoint } from '../../../../shared/messages/endpoint.ts';
import type { OperationView } from '../../../../shared/messages/view.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { clientId, operationIdOf, vmId } from '../../../support/values.ts';

const viewAt = (n: number, state: string): OperationView => ({
  operation: operationIdOf(n),
  kind: 'start',
  vm: vmId('web1'),
  state,
  client: clientId('operator'),
  startedAtMs: 0,
  endedAtMs: null,
  progress: { phase: state },
  decisions: [],
  outcome: null,
});

function tellerWith(notify: (view: OperationView) => void) {
  const clock = createManualClock();
  const endpoint = {
    notify: (_notice: unknown, _to: unknown, view: OperationView) => notify(view),
  } as unknown as Endpoint;
  return { clock, tell: createTeller({ endpoint, clock, log: silentLogger }) };
}

test('of several updates of one operation the latest is told, and each operation for itself', () => {
  const told: string[] = [];
  const { clock, tell } = tellerWith(({ operation, state }) => told.push(`${operation.at(-1)} ${state}`));
  tell(viewAt(1, 'deciding'));
  tell(viewAt(2, 'saving'));
  tell(viewAt(1, 'launching'));
  assert.deepEqual(told, []);
  clock.advance(50);
  assert.deepEqual(told, ['1 launching', '2 saving']);
  tell(viewAt(1, 'completed'));
  clock.advance(50);
  assert.deepEqual(told.at(-1), '1 completed');
});

test('an update that cannot be told keeps no other from being told', () => {
  const told: string[] = [];
  const { clock, tell } = tellerWith(({ operation, state }) => {
    if (operation === operationIdOf(1)) throw new BrokerError('MESSAGE_MALFORMED');
    told.push(state);
  });
  tell(viewAt(1, 'saving'));
  tell(viewAt(2, 'sealing'));
  clock.advance(50);
  assert.deepEqual(told, ['sealing']);
});
