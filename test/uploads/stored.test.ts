import { eventually } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { patternBytes } from '../harness/pattern.js';
import { request } from '../harness/raw-client.js';
import { FRAMINGS, type Framing, Sender } from './support/sender.js';
import { STORED } from './support/serve-uploads.js';
import { type UploadSuite, uploadSuite } from './support/suite.js';

const HALF = 50_000;

/** The pattern as an app sees it that takes it for a text. */
const asText = (size: number): string => new TextDecoder().decode(patternBytes(0, size));

/** Bodies that are read to their end. */
function wholeBodies(suite: UploadSuite, framing: Framing): void {
  it('the app reads what has come while the client holds back the rest', async () => {
    const path = `/read/half-${framing}`;
    const sender = await suite.begin(path, framing, 2 * HALF);
    sender.send(HALF);
    await suite.served.app.hasRead(path, HALF);
    expect(suite.served.files()).toHaveLength(1);
    sender.finish();
    expect(await sender.json()).toEqual(sender.summary);
    await suite.served.empty();
    await suite.expectAlive(sender);
  });

  it('bodies of all sizes, one after the other on one connection', async () => {
    const first = await suite.begin('/read/first', framing, framing === 'length' ? 20_481 : 1);
    first.finish();
    expect(await first.json()).toEqual(first.summary);
    for (const size of [30_000, 65_536, 65_537, 1_000_000, 3_000_000]) {
      const next = Sender.on(first.client, `/read/${size}`, framing, size);
      next.finish();
      expect(await next.json()).toEqual(next.summary);
    }
    await suite.expectAlive(first);
  });

  it('an app that begins to read when all is there', async () => {
    const sender = await suite.begin(`/held/late-${framing}`, framing, 2 * HALF);
    sender.finish();
    suite.served.app.open(`late-${framing}`);
    expect(await sender.json()).toEqual(sender.summary);
  });

  it('Expect: 100-continue is answered once, by Mongrel2', async () => {
    const sender = await suite.begin(`/read/expect-${framing}`, framing, 2 * HALF, ['Expect: 100-continue']);
    await sender.client.sees('HTTP/1.1 100 Continue\r\n');
    sender.finish();
    const response = await sender.client.response();
    expect(response.interim.map(({ status }) => status)).toEqual([100]);
    expect(JSON.parse(response.text())).toEqual(sender.summary);
  });

  it('Connection: close', async () => {
    const sender = await suite.begin('/read/close', framing, 2 * HALF, ['Connection: close']);
    sender.finish();
    expect(await sender.json()).toEqual(sender.summary);
    expect(await sender.client.closed()).toHaveLength(0);
  });
}

/** Bodies that the platform parses for the app. */
function parsedBodies(suite: UploadSuite, framing: Framing): void {
  it('as text and as a form', async () => {
    const sender = await suite.begin('/text', framing, 2 * HALF);
    sender.finish();
    expect((await sender.client.response()).text()).toBe(asText(2 * HALF));
    const body = `--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n${'x'.repeat(40_000)}\r\n--b--\r\n`;
    const type = 'Content-Type: multipart/form-data; boundary=b';
    if (framing === 'length') sender.client.write(request('POST', '/form', [type], body));
    else {
      sender.client.write(request('POST', '/form', [type, 'Transfer-Encoding: chunked']));
      sender.client.write(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    }
    expect(await sender.json()).toEqual({ name: 'a.bin', size: 40_000 });
  });
}

/** Bodies that are not. */
function brokenBodies(suite: UploadSuite, framing: Framing): void {
  it.each(['ignore', 'throw', 'first'])('the file goes: an app that does %s', async (what) => {
    const sender = await suite.begin(`/${what}`, framing, 2 * HALF);
    sender.finish();
    const response = await sender.client.response();
    expect(response.status).toBe(what === 'throw' ? 500 : 200);
    await suite.served.empty();
    // Whether Mongrel2 had all of the body when the app answered is chance.
    if (response.header('connection') === 'close')
      expect([framing, await sender.client.closed()]).toEqual(['length', Buffer.of()]);
    else await suite.expectAlive(sender);
  });

  it('an answer before the body has come: the rest is stored and removed', async () => {
    const sender = await suite.begin('/ignore', framing, 2 * HALF);
    sender.send(HALF);
    const response = await sender.client.response();
    expect([response.text(), response.header('connection')]).toEqual(['ignored\n', framing === 'length' ? 'close' : undefined]);
    expect(suite.served.files()).toHaveLength(1);
    sender.finish();
    // Behind a body with a length Mongrel2 would mix up the next request with it: that must not be waited for in vain.
    if (framing === 'length') {
      sender.client.get('/hello');
      await sender.client.closed();
    } else await suite.expectAlive(sender);
    await suite.served.empty();
  });

  it('a client that leaves in the middle: reading fails, the file goes', async () => {
    const path = `/read/leave-${framing}`;
    const sender = await suite.begin(path, framing, 2 * HALF);
    sender.send(HALF);
    await suite.served.app.hasRead(path, HALF);
    await sender.client.reset();
    expect(await suite.served.app.ended(path)).toMatchObject({ end: 'broken', code: 'M2_CLIENT_GONE' });
    await suite.served.empty();
  });

  it('a client that leaves when all was sent and nothing read', async () => {
    const before = suite.served.counters();
    const path = `/held/left-${framing}`;
    const sender = await suite.begin(path, framing, 2 * HALF);
    sender.finish();
    await eventually(() => suite.served.counters().uploadParts > before.uploadParts, 'the word of completion came');
    await sender.client.reset();
    await eventually(() => suite.served.counters().clientGone > before.clientGone, 'the client is gone');
    await suite.served.empty();
    suite.served.app.open(`left-${framing}`);
    expect(await suite.served.app.ended(path)).toMatchObject({ end: 'broken', code: 'M2_CLIENT_GONE' });
  });
}

/** Requests that a client sends before it has an answer to the one before. */
function sentAhead(suite: UploadSuite): void {
  it('chunked bodies that are sent ahead wait their turn', async () => {
    const sender = await suite.begin('/held/ahead', 'chunked', 2 * HALF);
    sender.finish();
    const second = Sender.on(sender.client, '/read/second', 'chunked', 3 * HALF);
    second.finish();
    const third = Sender.on(sender.client, '/ignore', 'chunked', 30_000);
    third.finish();
    sender.client.get('/hello');
    suite.served.app.open('ahead');
    expect(await sender.json()).toEqual(sender.summary);
    expect(await second.json()).toEqual(second.summary);
    expect((await sender.client.response()).text()).toBe('ignored\n');
    expect((await sender.client.response()).text()).toBe('hello\n');
  });

  it('what is sent ahead behind a body with a length spoils nothing here: Mongrel2 stores a piece of it with the body', async () => {
    const sender = await suite.begin('/held/spoilt', 'length', 2 * HALF);
    sender.finish();
    for (let n = 0; n < 20; n++) Sender.on(sender.client, '/read/lost', 'length', 100 * HALF).send(HALF);
    suite.served.app.open('spoilt');
    await suite.served.app.ended('/held/spoilt');
    await sender.client.reset();
  });
}

for (const protocol of ['json', 'tnetstring'] as const) {
  const options = { handlers: [{ protocol }], settings: STORED, flowControl: protocol === 'json' };
  describeWithMongrel2(`stored uploads with ${protocol} headers`, options, (given) => {
    const suite = uploadSuite(given);
    describe.each(FRAMINGS)('%s', (framing) => {
      wholeBodies(suite, framing);
      parsedBodies(suite, framing);
      brokenBodies(suite, framing);
    });
    sentAhead(suite);
  });
}
