import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { RawClient, request } from '../harness/raw-client.js';
import { FRAMINGS, Sender } from './support/sender.js';
import { STORED, serveUploads, type UploadServer } from './support/serve-uploads.js';

const LIMIT = 100_000;

for (const [way, settings] of Object.entries({ stored: STORED, streamed: { 'upload.stream': 1 } })) {
  describeWithMongrel2(`the body limit with ${way} uploads`, { settings }, (given) => {
    let served: UploadServer;
    beforeAll(async () => {
      served = await serveUploads(given.mongrel2, { bodyLimit: LIMIT });
    });
    afterAll(() => served.server.stop({ graceMs: 0 }));

    it.each(FRAMINGS)('a body just within it passes: %s', async (framing) => {
      const sender = await Sender.begin(served.port, '/read/within', framing, LIMIT);
      sender.finish();
      expect(await sender.json()).toEqual(sender.summary);
      await sender.client.close();
    });

    it('a length over it gets 413 before the app runs; a small rest is taken', async () => {
      const before = served.counters().tooLarge;
      const sender = await Sender.begin(served.port, '/read/over', 'length', LIMIT + 1);
      expect((await sender.client.response()).status).toBe(413);
      sender.finish();
      if (way === 'streamed') {
        sender.client.get('/hello');
        expect((await sender.client.response()).text()).toBe('hello\n');
      } else expect(await sender.client.closed()).toHaveLength(0);
      await sender.client.close();
      expect(served.app.bodies.entries.filter(({ path }) => path === '/read/over')).toEqual([]);
      expect(served.counters().tooLarge).toBe(before + 1);
      await served.empty();
    });

    it('with a large rest the connection is closed', async () => {
      const sender = await Sender.begin(served.port, '/read/far', 'length', 100 * LIMIT);
      const response = await sender.client.response();
      expect([response.status, response.header('connection')]).toEqual([413, 'close']);
      expect(await sender.client.closed()).toHaveLength(0);
      await served.empty();
    });

    it('a chunked body is read up to it; then its reader fails, and the client gets 413', async () => {
      const path = '/read/chunked';
      const sender = await Sender.begin(served.port, path, 'chunked', 2 * LIMIT);
      sender.send(LIMIT);
      await served.app.hasRead(path, LIMIT);
      sender.send(LIMIT);
      const response = await sender.client.response();
      expect([response.status, response.header('connection')]).toEqual([413, 'close']);
      expect(await served.app.ended(path)).toMatchObject({ size: LIMIT, end: 'broken', code: 'M2_BODY_TOO_LARGE' });
      await sender.client.close();
      await served.empty();
      expect(served.log.lines.entries.filter(({ level }) => level === 'error')).toEqual([]);
    });
  });
}

describeWithMongrel2('the body limit with small bodies', {}, (given) => {
  it('a body that comes with its message is measured too', async () => {
    const served = await serveUploads(given.mongrel2, { bodyLimit: 1000 });
    const client = await RawClient.connect(served.port);
    for (const [size, status] of [
      [1000, 200],
      [1001, 413],
      [20_000, 413],
      [1, 200],
    ] as const) {
      client.write(request('POST', '/text', [], 'x'.repeat(size)));
      expect((await client.response()).status).toBe(status);
    }
    await client.close();
    await served.server.stop({ graceMs: 0 });
  });
});

describeWithMongrel2('stored uploads that m2 cannot find', { settings: STORED }, (given) => {
  let served: UploadServer;
  beforeAll(async () => {
    served = await serveUploads(given.mongrel2, { nowhere: true });
  });
  afterAll(() => served.server.stop({ graceMs: 0 }));

  describe.each(FRAMINGS)('%s', (framing) => {
    it('get 413 once and the connection is closed, however far the body has come', async () => {
      for (const sent of [0, 25_000, 50_000]) {
        const sender = await Sender.begin(served.port, '/read/nowhere', framing, 50_000);
        if (sent === 50_000) sender.finish();
        else sender.send(sent);
        const response = await sender.client.response();
        expect([response.status, response.header('connection')]).toEqual([413, 'close']);
        expect(await sender.client.closed()).toHaveLength(0);
      }
      expect(served.app.bodies.entries).toEqual([]);
    });
  });

  it('one line says what to set', () => {
    const lines = served.log.lines.entries.filter(({ level }) => level !== 'info');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.message).toMatch(/--upload-dir=DIR.*upload\.temp_store/);
  });
});
