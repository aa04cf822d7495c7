import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { FRAMINGS, type Framing, Sender } from './support/sender.js';
import { serveUploads, type UploadServer } from './support/serve-uploads.js';

const HALF = 50_000;
const MB = 1024 * 1024;

for (const protocol of ['json', 'tnetstring'] as const) {
  const options = { handlers: [{ protocol }], settings: { 'upload.stream': 1 }, flowControl: protocol === 'tnetstring' };
  describeWithMongrel2(`streamed uploads with ${protocol} headers`, options, (given) => {
    let served: UploadServer;
    const senders: Sender[] = [];
    const begin = async (path: string, framing: Framing, total = 2 * HALF, headers: string[] = []) => {
      const sender = await Sender.begin(served.port, path, framing, total, headers);
      senders.push(sender);
      return sender;
    };
    const expectAlive = async ({ client }: Sender) => {
      client.get('/hello');
      expect((await client.response()).text()).toBe('hello\n');
    };

    beforeAll(async () => {
      served = await serveUploads(given.mongrel2);
    });
    afterEach(async () => {
      for (const { client } of senders.splice(0)) await client.close();
    });
    afterAll(() => served.server.stop({ graceMs: 0 }));

    describe.each(FRAMINGS)('%s', (framing) => {
      it('the app reads what has come while the client holds back the rest', async () => {
        const path = `/read/half-${framing}`;
        const sender = await begin(path, framing);
        sender.send(HALF);
        // A chunk comes when it is whole; of a body with a length Mongrel2 keeps nothing back.
        await served.app.hasRead(path, HALF);
        sender.finish();
        expect(await sender.json()).toEqual(sender.summary);
        await expectAlive(sender);
      });

      it('an answer before the body has come: a small rest is dropped, and the connection goes on', async () => {
        const sender = await begin('/ignore', framing);
        sender.send(HALF);
        expect((await sender.client.response()).text()).toBe('ignored\n');
        sender.finish();
        await expectAlive(sender);
        const next = Sender.on(sender.client, '/read/next', framing, HALF);
        next.finish();
        expect(await next.json()).toEqual(next.summary);
      });

      it('an answer after the first piece, the same', async () => {
        const sender = await begin('/first', framing);
        sender.finish();
        expect((await sender.client.response()).text()).toBe('first\n');
        await expectAlive(sender);
      });

      it('a large rest is not waited for: the connection is closed', async () => {
        const sender = await begin('/ignore', framing, 8 * MB);
        sender.send(HALF);
        expect((await sender.client.response()).text()).toBe('ignored\n');
        if (framing === 'chunked') sender.send(4 * MB);
        expect(await sender.client.closed()).toHaveLength(0);
      });

      it('Connection: close', async () => {
        const sender = await begin('/read/close', framing, 2 * HALF, ['Connection: close']);
        sender.finish();
        expect(await sender.json()).toEqual(sender.summary);
        expect(await sender.client.closed()).toHaveLength(0);
      });

      it('requests that are sent ahead wait their turn', async () => {
        const sender = await begin(`/held/ahead-${framing}`, framing);
        sender.finish();
        const second = Sender.on(sender.client, '/read/second', framing, 3 * HALF);
        second.finish();
        sender.client.get('/hello');
        served.app.open(`ahead-${framing}`);
        expect(await sender.json()).toEqual(sender.summary);
        expect(await second.json()).toEqual(second.summary);
        expect((await sender.client.response()).text()).toBe('hello\n');
      });

      it('a slow reader slows the client: only a window of the body comes this far', async () => {
        const path = `/slow/gate-${framing}`;
        const before = served.counters().uploadParts;
        const sender = await begin(path, framing, 6 * MB);
        sender.finish();
        await served.app.hasRead(path, 1);
        const other = await begin('/read/other', framing);
        other.finish();
        expect(await other.json()).toEqual(other.summary);
        for (let n = 0; n < 20; n++) await expectAlive(other);
        // A part has at most 32 KiB here; all of the body would be about 200.
        expect(served.counters().uploadParts - before).toBeLessThan(60);
        served.app.open(`gate-${framing}`);
        expect(await sender.json()).toEqual(sender.summary);
        await expectAlive(sender);
      });

      it('a client that leaves while its next bytes are waited for', async () => {
        const path = `/read/leave-${framing}`;
        const sender = await begin(path, framing);
        sender.send(HALF);
        await served.app.hasRead(path, HALF);
        await sender.client.reset();
        expect(await served.app.ended(path)).toMatchObject({ end: 'broken', code: 'M2_CLIENT_GONE' });
      });

      it('a client that leaves while nothing is asked of it is noticed when the app reads on', async () => {
        const path = `/held/left-${framing}`;
        const sender = await begin(path, framing);
        sender.send(HALF);
        await served.app.saw(path);
        await sender.client.reset();
        served.app.open(`left-${framing}`);
        expect(await served.app.ended(path)).toMatchObject({ end: 'broken', code: 'M2_CLIENT_GONE' });
      });
    });
  });
}
