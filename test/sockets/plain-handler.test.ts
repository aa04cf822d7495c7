import { type Client, deliver, type Handler, latin1Bytes, type M2Request, type SocketMessage } from '@m2/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { within } from '../harness/deadline.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { EventLog } from '../harness/event-log.js';
import { RawClient } from '../harness/raw-client.js';
import { type Served, serveHandler } from '../harness/served.js';

const MANY = 300;

interface Seen {
  readonly client: Client;
  readonly message: SocketMessage;
  readonly text: string;
}

/** A plain handler that answers each message of a JSON or XML socket with what it got, and keeps all of it. */
class Echo implements Handler {
  readonly seen = new EventLog<Seen>();
  readonly left = new EventLog<number>();
  readonly notices = new EventLog<M2Request>();

  handle(message: M2Request, client: Client): void {
    if (message.kind === 'http') return void client.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhttp\n');
    if (message.kind === 'disconnect') return this.notices.add(message);
    if (message.kind !== 'json-socket' && message.kind !== 'xml-socket') return;
    const text = Buffer.from(message.body).toString('utf8');
    client.onGone = () => this.left.add(client.id);
    this.seen.add({ client, message, text });
    client.send(message.body.slice());
  }
}

for (const rawPayload of [false, true]) {
  const protocol = rawPayload ? ('json' as const) : ('tnetstring' as const);
  const name = `JSON and XML sockets through a plain handler, raw_payload=${rawPayload ? 1 : 0}, ${protocol} headers`;
  describeWithMongrel2(name, { handlers: [{ route: ['/', '@echo', '<echo'], rawPayload, protocol }] }, (given) => {
    const echo = new Echo();
    let served: Served;
    beforeAll(async () => {
      served = await serveHandler(echo, given.mongrel2.connect);
    });
    afterAll(() => served?.server.stop({ graceMs: 0 }));

    const connect = () => RawClient.connect(given.mongrel2.port);
    /** What the client gets for these bytes. */
    const wire = (text: string) => (rawPayload ? text : Buffer.from(text).toString('base64'));
    const expectAnswer = async (client: RawClient, text: string) => {
      const expected = Buffer.from(wire(text), 'utf8');
      expect((await client.bytes(expected.length)).toString('utf8')).toBe(expected.toString('utf8'));
    };

    it('answer message by message, many on a connection', async () => {
      const client = await connect();
      const from = echo.seen.entries.length;
      const texts = ['{"type":"msg","msg":"hi"}', '{"n":1}', '{"text":"h\u00e9llo \u2713"}', '{"type":"disconnect"}'];
      client.write(Buffer.from(texts.map((text) => `@echo ${text}\0`).join('')));
      for (const text of texts) await expectAnswer(client, text);
      const seen = echo.seen.entries.slice(from);
      expect(seen.map(({ text }) => text)).toEqual(texts);
      for (const { message } of seen) {
        expect(message).toMatchObject({ kind: 'json-socket', path: '@echo', pattern: '@echo', remoteAddress: '127.0.0.1' });
      }
      // A message that looks like a notice is none: the connection goes on.
      expect(echo.left.entries).not.toContain(seen[0]?.client.id);
      await client.close();
    });

    it('take XML as it is, its tag being the route', async () => {
      const client = await connect();
      const text = '<echo kind="greeting"><to name="you"/>hello &amp; welcome</echo>';
      client.write(`${text}\0`);
      await expectAnswer(client, text);
      const { message } = echo.seen.entries.at(-1) as Seen;
      expect(message).toMatchObject({ kind: 'xml-socket', path: '<echo', pattern: '<echo' });
      await client.close();
    });

    it('may be followed by HTTP on their connection', async () => {
      const client = await connect();
      client.write('@echo {"n":1}\0');
      await expectAnswer(client, '{"n":1}');
      client.get('/after');
      expect((await client.response()).text()).toBe('http\n');
      client.write('@echo {"n":2}\0');
      await expectAnswer(client, '{"n":2}');
      await client.close();
    });

    it('never see pings, nor what Mongrel2 answers itself', async () => {
      const client = await connect();
      const from = echo.seen.entries.length;
      client.write('@echo {"type":"ping"}\0@echo {"after":"the ping"}\0');
      await expectAnswer(client, '{"after":"the ping"}');
      expect(echo.seen.entries.slice(from).map(({ text }) => text)).toEqual(['{"after":"the ping"}']);
      await client.close();
      const flash = await connect();
      flash.write('<policy-file-request/>\0');
      expect(await flash.sees('</cross-domain-policy>')).toContain('<cross-domain-policy>');
      await flash.close();
      const forger = await connect();
      const notices = echo.notices.entries.length;
      forger.write('@* {"type":"disconnect"}\0');
      expect((await forger.closed()).toString()).toMatch(/^HTTP\/1\.1 404 /);
      await forger.close();
      expect(echo.notices.entries.length).toBe(notices);
    });

    it('are told when a client goes, and can close it', async () => {
      const leaver = await connect();
      leaver.write('@echo {}\0');
      await expectAnswer(leaver, '{}');
      const { client } = echo.seen.entries.at(-1) as Seen;
      await leaver.close();
      await echo.left.first('the client has left', (id) => id === client.id);
      expect([client.closed, client.send('too late')]).toEqual([true, false]);
      const closed = await connect();
      closed.write('@echo {}\0');
      await expectAnswer(closed, '{}');
      (echo.seen.entries.at(-1) as Seen).client.close();
      expect((await closed.closed()).length).toBe(0);
      await closed.close();
    });

    it('reach many clients with few messages', async () => {
      const clients = await Promise.all(Array.from({ length: MANY }, connect));
      for (const [n, client] of clients.entries()) {
        client.write(`@echo {"n":${n}}\0`);
        await expectAnswer(client, `{"n":${n}}`);
      }
      const members = echo.seen.entries.slice(-MANY).map(({ client }) => client);
      const sent = served.server.stats().links[0]?.sent ?? 0;
      expect(deliver(members, latin1Bytes('{"all":true}'))).toBe(MANY);
      for (const client of clients) await expectAnswer(client, '{"all":true}');
      expect((served.server.stats().links[0]?.sent ?? 0) - sent).toBe(Math.ceil(MANY / 128));
      await within(Promise.all(clients.map((client) => client.close())), 'all clients are closed');
    });

    it('were counted apart from requests, and never badly answered', () => {
      const { counters } = served.server.stats();
      expect(counters).toMatchObject({ received: 1, replied: 1, malformed: 0, socketMessages: echo.seen.entries.length });
      expect(given.mongrel2.badReplies()).toBe(0);
    });
  });
}
