import { type Client, deliver, type Handler, latin1Bytes, type M2Request, type SocketMessage } from '@m2/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { within } from '../harness/deadline.js';
import { describeWithMongrel2, type Mongrel2Fixture } from '../harness/describe.js';
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

/** The echo handler behind a describe's Mongrel2. */
class Place {
  readonly echo = new Echo();
  private running: Served | undefined;

  constructor(
    private readonly given: Mongrel2Fixture,
    private readonly rawPayload: boolean,
  ) {
    beforeAll(async () => {
      this.running = await serveHandler(this.echo, given.mongrel2.connect);
    });
    afterAll(() => this.running?.server.stop({ graceMs: 0 }));
  }

  get served(): Served {
    if (this.running === undefined) throw new Error('m2 is started in beforeAll.');
    return this.running;
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.given.mongrel2.port);
  }

  badReplies(): number {
    return this.given.mongrel2.badReplies();
  }

  /** The next that the client gets is this text, as Mongrel2 sends it. */
  async expectAnswer(client: RawClient, text: string): Promise<void> {
    const expected = this.rawPayload ? Buffer.from(text) : Buffer.from(Buffer.from(text).toString('base64'));
    expect((await client.bytes(expected.length)).toString('utf8')).toBe(expected.toString('utf8'));
  }
}

function messages(place: Place): void {
  it('answer message by message, many on a connection', async () => {
    const client = await place.connect();
    const from = place.echo.seen.entries.length;
    const texts = ['{"type":"msg","msg":"hi"}', '{"n":1}', '{"text":"h\u00e9llo \u2713"}', '{"type":"disconnect"}'];
    client.write(Buffer.from(texts.map((text) => `@echo ${text}\0`).join('')));
    for (const text of texts) await place.expectAnswer(client, text);
    const seen = place.echo.seen.entries.slice(from);
    expect(seen.map(({ text }) => text)).toEqual(texts);
    for (const { message } of seen) {
      expect(message).toMatchObject({ kind: 'json-socket', path: '@echo', pattern: '@echo', remoteAddress: '127.0.0.1' });
    }
    // A message that looks like a notice is none: the connection goes on.
    expect(place.echo.left.entries).not.toContain(seen[0]?.client.id);
    await client.close();
  });

  it('take XML as it is, its tag being the route', async () => {
    const client = await place.connect();
    const text = '<echo kind="greeting"><to name="you"/>hello &amp; welcome</echo>';
    client.write(`${text}\0`);
    await place.expectAnswer(client, text);
    const { message } = place.echo.seen.entries.at(-1) as Seen;
    expect(message).toMatchObject({ kind: 'xml-socket', path: '<echo', pattern: '<echo' });
    await client.close();
  });

  it('may be followed by HTTP on their connection', async () => {
    const client = await place.connect();
    client.write('@echo {"n":1}\0');
    await place.expectAnswer(client, '{"n":1}');
    client.get('/after');
    expect((await client.response()).text()).toBe('http\n');
    client.write('@echo {"n":2}\0');
    await place.expectAnswer(client, '{"n":2}');
    await client.close();
  });

  it('never see pings, nor what Mongrel2 answers itself', async () => {
    const client = await place.connect();
    const from = place.echo.seen.entries.length;
    client.write('@echo {"type":"ping"}\0@echo {"after":"the ping"}\0');
    await place.expectAnswer(client, '{"after":"the ping"}');
    expect(place.echo.seen.entries.slice(from).map(({ text }) => text)).toEqual(['{"after":"the ping"}']);
    await client.close();
    const flash = await place.connect();
    flash.write('<policy-file-request/>\0');
    expect(await flash.sees('</cross-domain-policy>')).toContain('<cross-domain-policy>');
    await flash.close();
    const forger = await place.connect();
    const notices = place.echo.notices.entries.length;
    forger.write('@* {"type":"disconnect"}\0');
    expect((await forger.closed()).toString()).toMatch(/^HTTP\/1\.1 404 /);
    await forger.close();
    expect(place.echo.notices.entries.length).toBe(notices);
  });
}

function connections(place: Place): void {
  it('are told when a client goes, and can close it', async () => {
    const leaver = await place.connect();
    leaver.write('@echo {}\0');
    await place.expectAnswer(leaver, '{}');
    const { client } = place.echo.seen.entries.at(-1) as Seen;
    await leaver.close();
    await place.echo.left.first('the client has left', (id) => id === client.id);
    expect([client.closed, client.send('too late')]).toEqual([true, false]);
    const closed = await place.connect();
    closed.write('@echo {}\0');
    await place.expectAnswer(closed, '{}');
    (place.echo.seen.entries.at(-1) as Seen).client.close();
    expect((await closed.closed()).length).toBe(0);
    await closed.close();
  });

  it('reach many clients with few messages', async () => {
    const clients = await Promise.all(Array.from({ length: MANY }, () => place.connect()));
    for (const [n, client] of clients.entries()) {
      client.write(`@echo {"n":${n}}\0`);
      await place.expectAnswer(client, `{"n":${n}}`);
    }
    const members = place.echo.seen.entries.slice(-MANY).map(({ client }) => client);
    const sent = place.served.server.stats().links[0]?.sent ?? 0;
    expect(deliver(members, latin1Bytes('{"all":true}'))).toBe(MANY);
    for (const client of clients) await place.expectAnswer(client, '{"all":true}');
    expect((place.served.server.stats().links[0]?.sent ?? 0) - sent).toBe(Math.ceil(MANY / 128));
    await within(Promise.all(clients.map((client) => client.close())), 'all clients are closed');
  });

  it('were counted apart from requests, and never badly answered', () => {
    const { counters } = place.served.server.stats();
    expect(counters).toMatchObject({ received: 1, replied: 1, malformed: 0, socketMessages: place.echo.seen.entries.length });
    expect(place.badReplies()).toBe(0);
  });
}

for (const rawPayload of [false, true]) {
  const protocol = rawPayload ? ('json' as const) : ('tnetstring' as const);
  const name = `JSON and XML sockets through a plain handler, raw_payload=${rawPayload ? 1 : 0}, ${protocol} headers`;
  describeWithMongrel2(name, { handlers: [{ route: ['/', '@echo', '<echo'], rawPayload, protocol }] }, (given) => {
    const place = new Place(given, rawPayload);
    messages(place);
    connections(place);
  });
}
