import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAlive, withClient } from '../cases/case.js';
import { describeWithMongrel2, type Mongrel2Fixture } from '../harness/describe.js';
import { type Gateway, serveApp } from '../harness/gateway.js';
import { type RealMongrel2, startMongrel2 } from '../harness/mongrel2.js';
import { NonceLoad } from '../harness/nonce-load.js';
import { RawClient } from '../harness/raw-client.js';

/** The worst case: both servers have the same send_ident, and subscribe to every reply that they can get. */
const options = { handlers: [{ sendIdent: 'same', recvIdent: '' }] };

function twoServers(given: Mongrel2Fixture): void {
  let second: RealMongrel2;
  let gateway: Gateway;
  beforeAll(async () => {
    second = await startMongrel2(options);
    gateway = await serveApp({ servers: [given.mongrel2.connect, second.connect] }, given.mongrel2);
  });
  afterAll(async () => {
    await gateway?.server.stop({ graceMs: 0 });
    await second?.stop();
  });

  it('each get the answers to their own clients, whose connection ids are the same', async () => {
    const a = await RawClient.connect(given.mongrel2.port);
    const b = await RawClient.connect(second.port);
    a.get('/gate/a');
    b.get('/gate/b');
    await gateway.app.saw('/gate/a');
    await gateway.app.saw('/gate/b');
    gateway.app.open('b');
    expect((await b.response()).text()).toBe('b\n');
    await expectAlive(b);
    for (let n = 0; n < 10; n++) await withClient({ ...gateway, port: given.mongrel2.port }, expectAlive);
    expect(a.received).toBe(0);
    gateway.app.open('a');
    expect((await a.response()).text()).toBe('a\n');
    const ids = gateway.ended.entries.filter(({ outcome }) => outcome === 'replied').map(({ id }) => id);
    expect(ids[0]).toBe(ids.at(-1));
    await a.close();
    await b.close();
  });

  it('get no answer of each other under load', async () => {
    const loads = [new NonceLoad(given.mongrel2.port), new NonceLoad(second.port)];
    const work = loads.flatMap((load) =>
      Array.from({ length: 8 }, () => {
        let left = 25;
        return load.connection(() => left-- > 0);
      }),
    );
    await Promise.all(work);
    for (const load of loads) expect([load.answered, load.unanswered, load.strangers]).toEqual([200, 0, []]);
  });

  it('go on without each other', async () => {
    const b = await RawClient.connect(second.port);
    b.get('/gate/survivor');
    await gateway.app.saw('/gate/survivor');
    const logged = gateway.log.lines.entries.length;
    await given.mongrel2.kill('SIGKILL');
    await gateway.log.lines.first('the loss is noticed', ({ message }) => message.includes('went away'), logged);
    expect(gateway.server.stats().links.map(({ up }) => up)).toEqual([false, true]);
    gateway.app.open('survivor');
    expect((await b.response()).text()).toBe('survivor\n');
    await expectAlive(b);
    await b.close();
  });
}

describeWithMongrel2('two Mongrel2 servers on one connection', options, (given) => {
  twoServers(given);
});
