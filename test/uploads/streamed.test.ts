import { describe, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { FRAMINGS, type Framing, Sender } from './support/sender.js';
import { type UploadSuite, uploadSuite } from './support/suite.js';

const HALF = 50_000;
const MB = 1024 * 1024;

/** Bodies that the app reads in part, or while they come. */
function partialReads(suite: UploadSuite, framing: Framing): void {
  it('the app reads what has come while the client holds back the rest', async () => {
    const path = `/read/half-${framing}`;
    const sender = await suite.begin(path, framing, 2 * HALF);
    sender.send(HALF);
    // A chunk comes when it is whole; of a body with a length Mongrel2 keeps nothing back.
    await suite.served.app.hasRead(path, HALF);
    sender.finish();
    expect(await sender.json()).toEqual(sender.summary);
    await suite.expectAlive(sender);
  });

  it('an answer before the body has come: a small rest is dropped, and the connection goes on', async () => {
    const sender = await suite.begin('/ignore', framing, 2 * HALF);
    sender.send(HALF);
    expect((await sender.client.response()).text()).toBe('ignored\n');
    sender.finish();
    await suite.expectAlive(sender);
    const next = Sender.on(sender.client, '/read/next', framing, HALF);
    next.finish();
    expect(await next.json()).toEqual(next.summary);
  });

  it('an answer after the first piece, the same', async () => {
    const sender = await suite.begin('/first', framing, 2 * HALF);
    sender.finish();
    expect((await sender.client.response()).text()).toBe('first\n');
    await suite.expectAlive(sender);
  });

  it('a large rest is not waited for: the connection is closed', async () => {
    const sender = await suite.begin('/ignore', framing, 8 * MB);
    sender.send(HALF);
    expect((await sender.client.response()).text()).toBe('ignored\n');
    if (framing === 'chunked') sender.send(4 * MB);
    expect(await sender.client.closed()).toHaveLength(0);
  });
}

/** What connections and clients do. */
function connections(suite: UploadSuite, framing: Framing): void {
  it('Connection: close', async () => {
    const sender = await suite.begin('/read/close', framing, 2 * HALF, ['Connection: close']);
    sender.finish();
    expect(await sender.json()).toEqual(sender.summary);
    expect(await sender.client.closed()).toHaveLength(0);
  });

  it('requests that are sent ahead wait their turn', async () => {
    const sender = await suite.begin(`/held/ahead-${framing}`, framing, 2 * HALF);
    sender.finish();
    const second = Sender.on(sender.client, '/read/second', framing, 3 * HALF);
    second.finish();
    sender.client.get('/hello');
    suite.served.app.open(`ahead-${framing}`);
    expect(await sender.json()).toEqual(sender.summary);
    expect(await second.json()).toEqual(second.summary);
    expect((await sender.client.response()).text()).toBe('hello\n');
  });

  it('a slow reader slows the client: only a window of the body comes this far', async () => {
    const path = `/slow/gate-${framing}`;
    const before = suite.served.counters().uploadParts;
    const sender = await suite.begin(path, framing, 6 * MB);
    sender.finish();
    await suite.served.app.hasRead(path, 1);
    const other = await suite.begin('/read/other', framing, 2 * HALF);
    other.finish();
    expect(await other.json()).toEqual(other.summary);
    for (let n = 0; n < 20; n++) await suite.expectAlive(other);
    // A part has at most 32 KiB here; all of the body would be about 200.
    expect(suite.served.counters().uploadParts - before).toBeLessThan(60);
    suite.served.app.open(`gate-${framing}`);
    expect(await sender.json()).toEqual(sender.summary);
    await suite.expectAlive(sender);
  });

  it('a client that leaves while its next bytes are waited for', async () => {
    const path = `/read/leave-${framing}`;
    const sender = await suite.begin(path, framing, 2 * HALF);
    sender.send(HALF);
    await suite.served.app.hasRead(path, HALF);
    await sender.client.reset();
    expect(await suite.served.app.ended(path)).toMatchObject({ end: 'broken', code: 'M2_CLIENT_GONE' });
  });

  it('a client that leaves while nothing is asked of it is noticed when the app reads on', async () => {
    const path = `/held/left-${framing}`;
    const sender = await suite.begin(path, framing, 2 * HALF);
    sender.send(HALF);
    await suite.served.app.saw(path);
    await sender.client.reset();
    suite.served.app.open(`left-${framing}`);
    expect(await suite.served.app.ended(path)).toMatchObject({ end: 'broken', code: 'M2_CLIENT_GONE' });
  });
}

for (const protocol of ['json', 'tnetstring'] as const) {
  const options = { handlers: [{ protocol }], settings: { 'upload.stream': 1 }, flowControl: protocol === 'tnetstring' };
  describeWithMongrel2(`streamed uploads with ${protocol} headers`, options, (given) => {
    const suite = uploadSuite(given);
    describe.each(FRAMINGS)('%s', (framing) => {
      partialReads(suite, framing);
      connections(suite, framing);
    });
  });
}
