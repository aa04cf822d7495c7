import { expect, it } from 'vitest';
import { expectAlive, withClient } from '../cases/case.js';
import { within } from '../harness/deadline.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { serveApp } from '../harness/gateway.js';
import { RawClient } from '../harness/raw-client.js';

const ROUNDS = 10;
const WAITING = 20;

/** Connections whose requests wait in Mongrel2, there being no handler. */
async function waitingClients(port: number, count: number): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.connect(port)));
  for (const [n, client] of clients.entries()) client.get('/nonce', [`X-Nonce: waiting-${n}`]);
  return clients;
}

async function expectAnswers(clients: readonly RawClient[]): Promise<void> {
  for (const [n, client] of clients.entries()) {
    expect((await client.response()).text()).toBe(`waiting-${n}\n`);
    await client.close();
  }
}

describeWithMongrel2('a handler that comes after its requests', {}, (given) => {
  it(`loses no reply by answering the moment it is connected: ${ROUNDS * WAITING} of them`, { timeout: 60_000 }, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const clients = await waitingClients(given.mongrel2.port, WAITING);
      const { server } = await serveApp(given.mongrel2.connect, given.mongrel2, { ready: false });
      await expectAnswers(clients);
      await server.stop({ graceMs: 1000 });
      // What Mongrel2 put in a pipe before it noticed the handler's leave would be lost: the next round has a new one.
      await given.mongrel2.restart();
    }
  });
});

describeWithMongrel2('a handler that was there before Mongrel2', { started: false }, (given) => {
  it('waits, and serves as soon as Mongrel2 is there', async () => {
    const gateway = await serveApp(given.mongrel2.connect, given.mongrel2, { ready: false });
    const { server } = gateway;
    expect(server.stats().links.map(({ up, epoch }) => [up, epoch])).toEqual([[false, 0]]);
    await given.mongrel2.start();
    await within(server.ready, 'm2 is connected');
    expect(server.stats().links.map(({ up, epoch, subscription }) => [up, epoch, subscription])).toEqual([[true, 1, 'm2-0 ']]);
    await withClient(gateway, expectAlive);
    expect(await server.stop()).toEqual({ unfinished: 0 });
  });

  it('can be stopped while it waits', async () => {
    await given.mongrel2.kill('SIGKILL');
    const { server } = await serveApp(given.mongrel2.connect, given.mongrel2, { ready: false });
    const refused = expect(server.ready).rejects.toMatchObject({ code: 'M2_CLOSED' });
    expect(await within(server.stop(), 'the server stops')).toEqual({ unfinished: 0 });
    await refused;
    await within(server.closed, 'the server is closed');
  });
});
