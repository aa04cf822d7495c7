import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { type Measured, MeasuredApp } from '../harness/measured-app.js';
import { PacedReader } from '../harness/paced-reader.js';
import { RawClient } from '../harness/raw-client.js';

const MB = 1_000_000;
const READERS = 20;
/** A connection's window, what waits for it here before its app has to, and the piece that its app is at, with as much again for good measure. */
const BYTES_PER_READER = 2 * (102_400 + 128 * 1024 + 64 * 1024);

/** Bytes in buffers, where pieces of bodies are, and in the rest of JavaScript's heap. */
const held = ({ arrayBuffers, heapUsed }: Measured): number => arrayBuffers + heapUsed;

/** The least of several measurements: what is really held is no more, while garbage goes when the collector pleases. */
async function settled(app: MeasuredApp): Promise<Measured> {
  let least = await app.measure(true);
  for (let n = 0; n < 20; n++) {
    const next = await app.measure(true);
    if (held(next) < held(least)) least = next;
  }
  return least;
}

for (const kind of ['fetch', 'node'] as const) {
  describeWithMongrel2(`The memory of a ${kind} app, with flow control`, { flowControl: true }, (given) => {
    let app: MeasuredApp;
    const readers: PacedReader[] = [];
    beforeAll(async () => {
      app = await MeasuredApp.start(kind, given.mongrel2.connect);
    });
    afterEach(() => {
      for (const reader of readers.splice(0)) reader.close();
    });
    afterAll(() => app?.stop());

    it('is the same for readers of 10 kB/s as for fast ones, because the app waits', { timeout: 120_000 }, async () => {
      const before = await settled(app);
      const total = 1_000_000 * MB;
      for (let n = 0; n < READERS; n++) readers.push(new PacedReader(given.mongrel2.port, `/stream/${total}`, 10_000));
      for (const reader of readers) await reader.reaches(20_000);
      // In the time that a fast reader takes for this, the app could have made as much for each of the slow ones.
      const fast = new PacedReader(given.mongrel2.port, `/stream/${total}`);
      readers.push(fast);
      await fast.reaches(100 * MB);
      const after = await settled(app);
      expect(held(after) - held(before)).toBeLessThan((READERS + 1) * BYTES_PER_READER);
      expect(readers.map(({ ended }) => ended)).not.toContain(true);
      expect(after.links[0]?.flowControl).toBe('on');
      if (kind === 'node') expect([after.work.waits > 100, after.work.drains > 100]).toEqual([true, true]);
    });

    it('grows by less than 50 MB over a download of 100 MB', { timeout: 60_000 }, async () => {
      const client = await RawClient.connect(given.mongrel2.port);
      client.get(`/stream/${10 * MB}`);
      await client.response();
      const before = await app.measure(true);
      client.get(`/stream/${100 * MB}`);
      const { chunks } = await client.response({ sink: () => {}, ms: 50_000 });
      const after = await app.measure();
      expect(chunks.reduce((sum, size) => sum + size, 0)).toBe(100 * MB);
      expect(after.peakRss - before.rss).toBeLessThan(50 * MB);
      await client.close();
    });
  });
}
