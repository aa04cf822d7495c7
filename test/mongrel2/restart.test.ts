import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { expectAlive, withClient } from '../cases/case.js';
import { within } from '../harness/deadline.js';
import { describeWithMongrel2, type Mongrel2Fixture } from '../harness/describe.js';
import { type Gateway, openRequests, serveApp } from '../harness/gateway.js';
import { NonceLoad } from '../harness/nonce-load.js';
import { RawClient } from '../harness/raw-client.js';

const RESTARTS = 5;
const CLIENTS = 8;
const HELD = 4;

/** Kills or ends Mongrel2, starts it again, and waits until m2 has connected to the new one by itself. */
async function restart(given: Mongrel2Fixture, gateway: Gateway, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const { lines } = gateway.log;
  const logged = lines.entries.length;
  await given.mongrel2.restart(signal);
  await lines.first('m2 sees the new subscription', ({ message }) => message.includes('subscribed to'), logged);
}

/** A client that connects again and again: its connection may break at any time, and connecting may fail. */
async function persistentClient(load: NonceLoad, running: () => boolean): Promise<void> {
  while (running()) {
    await load.connection(running).catch(() => new Promise((resolve) => setImmediate(resolve)));
  }
}

/** Connections on which a request waits at a gate of the app. */
async function heldRequests(gateway: Gateway, name: string): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let n = 0; n < HELD; n++) {
    const client = await RawClient.connect(gateway.port);
    clients.push(client);
    client.get(`/gate/${name}-${n}`);
    await gateway.app.saw(`/gate/${name}-${n}`);
  }
  return clients;
}

/** The test app behind this describe's Mongrel2. */
function served(given: Mongrel2Fixture): () => Gateway {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await serveApp(given.mongrel2.connect, given.mongrel2);
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(gateway.log.lines.entries.slice(-30), gateway.server.stats());
  });
  afterAll(() => gateway?.server.stop({ graceMs: 0 }));
  return () => gateway;
}

/** Stops the server: nothing is left open, and each request was counted once. */
async function expectCounted({ server, ended }: Gateway): Promise<void> {
  const { unfinished } = await server.stop({ graceMs: 5_000 });
  const { counters } = server.stats();
  expect([unfinished, openRequests(server)]).toEqual([0, 0]);
  expect(ended.entries.length).toBe(counters.received);
  expect(counters.replied + counters.clientGone).toBe(counters.received);
}

describeWithMongrel2('Mongrel2 that is restarted', { flowControl: true }, (given) => {
  const current = served(given);

  it('never gets the answer to a request of its former life, though connection ids are used again', async () => {
    const gateway = current();
    const old = await heldRequests(gateway, 'old');
    await restart(given, gateway, 'SIGKILL');
    for (let n = 0; n < HELD; n++) await gateway.app.aborted(`/gate/old-${n}`);
    const fresh = await heldRequests(gateway, 'fresh');
    const ended = gateway.ended.entries.length;
    for (let n = 0; n < HELD; n++) gateway.app.open(`old-${n}`);
    // By the time that others were served, and by the same loop and the same link, the old answers would have come.
    for (let n = 0; n < 20; n++) await withClient(gateway, expectAlive);
    expect(fresh.map((client) => client.received)).toEqual(fresh.map(() => 0));
    for (let n = 0; n < HELD; n++) {
      gateway.app.open(`fresh-${n}`);
      expect((await fresh[n]?.response())?.text()).toBe(`fresh-${n}\n`);
    }
    const former = gateway.ended.entries.slice(0, ended).filter(({ outcome }) => outcome === 'clientGone');
    const latter = gateway.ended.entries.slice(ended).filter(({ outcome }) => outcome === 'replied');
    // The ids are those of the clients before: it was the epoch that kept them apart.
    expect(former.map(({ id }) => id)).toEqual(expect.arrayContaining(latter.slice(-HELD).map(({ id }) => id)));
    for (const client of [...old, ...fresh]) await client.close();
  });

  it('ends open requests when it goes away by SIGTERM too', async () => {
    const gateway = current();
    const client = await RawClient.connect(given.mongrel2.port);
    client.get('/never?term');
    await gateway.app.saw('/never?term');
    await restart(given, gateway, 'SIGTERM');
    await gateway.app.aborted('/never?term');
    await withClient(gateway, expectAlive);
    await client.close();
    await expectCounted(gateway);
  });
});

describeWithMongrel2('Mongrel2 that is restarted under load', {}, (given) => {
  const current = served(given);

  it('again and again: m2 reconnects, and nobody gets what is not theirs', { timeout: 60_000 }, async () => {
    const gateway = current();
    const load = new NonceLoad(given.mongrel2.port);
    let running = true;
    const clients = Array.from({ length: CLIENTS }, () => persistentClient(load, () => running));
    try {
      for (let n = 0; n < RESTARTS; n++) {
        await load.reaches(load.answered + 100);
        await restart(given, gateway, n % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      }
      await load.reaches(load.answered + 100);
    } finally {
      running = false;
      await within(Promise.all(clients), 'the clients end', 40_000);
    }
    expect(load.strangers).toEqual([]);
    expect(load.answered).toBeGreaterThanOrEqual(100 * (RESTARTS + 1));
    const [link] = gateway.server.stats().links;
    expect([link?.up, (link?.epoch ?? 0) > RESTARTS]).toEqual([true, true]);
    await expectCounted(gateway);
  });
});
