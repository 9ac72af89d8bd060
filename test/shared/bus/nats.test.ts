import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Bus, BusStatus } from '../../../shared/bus/bus.ts';
import { connectNats } from '../../../shared/bus/nats.ts';
import { BrokerError } from '../../../shared/errors/broker-error.ts';
import { createCollector } from '../../support/bus-collector.ts';
import { type NatsServer, startNats } from '../../support/nats.ts';
import { describeBus } from './contract.ts';

describeBus('the bus over NATS', async () => {
  const server = await startNats();
  return {
    connect: (name) => connectNats({ servers: [server.url], name, inboxPrefix: `_INBOX_${name}` }),
    stop: () => server.stop(),
  };
});

const withCode = (code: string) => (error: unknown) => error instanceof BrokerError && error.code === code;
const hello = new TextEncoder().encode('hello');

describe('a connection to NATS', () => {
  it('is refused as unreachable where no server listens', async () => {
    const server = await startNats();
    await server.stop();
    await assert.rejects(connectNats({ servers: [server.url], name: 'alpha' }), withCode('BUS_UNREACHABLE'));
  });

  it('comes back by itself after the server was restarted, and records are still there', async () => {
    const server = await startNats();
    const alpha = await connectNats({ servers: [server.url], name: 'alpha' });
    try {
      const served = alpha.serve('still.there', async (data) => data);
      const bucket = await alpha.bucket('owners');
      const revision = await bucket.create('web', hello);
      const statuses = createCollector<BusStatus>();
      alpha.onStatus(statuses.push);
      await server.restart();
      await statuses.atLeast(2);
      assert.deepEqual(
        statuses.items.map(({ is }) => is),
        ['disconnected', 'reconnected'],
      );
      assert.deepEqual(Uint8Array.from(await alpha.request('still.there', hello, 5000)), hello);
      assert.equal((await bucket.get('web'))?.revision, revision);
      served.stop();
    } finally {
      await alpha.close();
      await server.stop();
    }
  });
});

describe('a NATS server with permissions', () => {
  const password = 'only for this test';
  let server: NatsServer;
  let alpha: Bus;
  before(async () => {
    server = await startNats(`authorization { users = [ {
      user: alpha, password: "${password}",
      permissions: { publish: ["carnet.v1.*.alpha.>", "$JS.API.STREAM.INFO.KV_shared"], subscribe: ["carnet.v1.alpha.>", "_INBOX_alpha.>"] }
    } ] }`);
    alpha = await connectNats({
      servers: [server.url],
      name: 'alpha',
      inboxPrefix: '_INBOX_alpha',
      user: 'alpha',
      password,
    });
  });
  after(async () => {
    await alpha.close();
    await server.stop();
  });

  it('refuses who does not know the password', async () => {
    const wrong = connectNats({ servers: [server.url], name: 'alpha', user: 'alpha', password: 'guess' });
    await assert.rejects(wrong, withCode('BUS_DENIED'));
  });

  it('lets a request through that the permissions allow, and reports one that they do not', async () => {
    const allowed = alpha.request('carnet.v1.beta.alpha.offer', hello, 5000);
    await assert.rejects(allowed, withCode('BUS_NO_RESPONDER'));
    const denied = alpha.request('carnet.v1.beta.gamma.offer', hello, 60_000);
    await assert.rejects(denied, withCode('BUS_DENIED'));
  });

  it('reports a publication and a subscription that the permissions do not allow as a status', async () => {
    const statuses = createCollector<BusStatus>();
    const stop = alpha.onStatus(statuses.push);
    alpha.publish('carnet.v1.beta.gamma.update', hello);
    await statuses.atLeast(1);
    const subscription = alpha.subscribe('carnet.v1.beta.>', () => {});
    await statuses.atLeast(2);
    assert.deepEqual(statuses.items, [
      { is: 'denied', subject: 'carnet.v1.beta.gamma.update', detail: 'publish was refused' },
      { is: 'denied', subject: 'carnet.v1.beta.>', detail: 'subscription was refused' },
    ]);
    stop();
    subscription.stop();
  });

  it('refuses a bucket that the permissions do not allow', async () => {
    await assert.rejects(alpha.bucket('owners'), withCode('BUS_DENIED'));
  });
});
