import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { MeasuredApp } from '../harness/measured-app.js';
import { RawClient } from '../harness/raw-client.js';
import { reportFigures } from './report.js';

const MB = 1_000_000;
const BYTES = 2_000 * MB;

for (const flowControl of [true, false]) {
  describeWithMongrel2(`A download of 2 GB, flow control ${flowControl ? 'on' : 'off'}`, { flowControl }, (given) => {
    let app: MeasuredApp;
    beforeAll(async () => {
      app = await MeasuredApp.start('fetch', given.mongrel2.connect);
    });
    afterAll(() => app?.stop());

    const download = async (bytes: number) => {
      const client = await RawClient.connect(given.mongrel2.port);
      client.get(`/stream/${bytes}`);
      const { chunks } = await client.response({ sink: () => {}, ms: 1_800_000 });
      expect(chunks.reduce((sum, size) => sum + size, 0)).toBe(bytes);
      await client.close();
    };

    it("passes, and the handler's memory grows by less than 50 MB", async () => {
      await download(20 * MB);
      const before = await app.measure(true);
      await download(BYTES);
      const after = await app.measure();
      reportFigures(`2 GB download, flow control ${after.links[0]?.flowControl}`, {
        'RSS before, MB': before.rss / MB,
        'highest RSS, MB': after.peakRss / MB,
        'growth, MB': (after.peakRss - before.rss) / MB,
        replied: after.counters.replied,
        truncated: after.counters.truncated,
      });
      expect(after.peakRss - before.rss).toBeLessThan(50 * MB);
      expect(after.counters).toMatchObject({ received: 2, replied: 2, truncated: 0, clientGone: 0 });
    });
  });
}
