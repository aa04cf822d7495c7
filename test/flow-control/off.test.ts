import { fetchHandler } from '@m2/gateway';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { newHash, patternHash } from '../harness/pattern.js';
import { RawClient } from '../harness/raw-client.js';
import { type Served, serveHandler } from '../harness/served.js';
import { downloadApp } from './download-app.js';

const MB = 1_000_000;

/** Writes and bytes of one answer. */
const ANSWERS = [
  [1, 1],
  [1, MB],
  [1, 100 * MB],
  [17, 17],
  [17, 17 * MB],
  [1_000, 1_000],
  [1_000, 100 * MB],
  [20_000, 20_000],
  [20_000, 10 * MB],
] as const;

for (const flowControl of ['off', 'auto'] as const) {
  describeWithMongrel2(`A fast client without flow control, which m2 takes as '${flowControl}'`, {}, (given) => {
    let served: Served;
    beforeAll(async () => {
      served = await serveHandler(fetchHandler(downloadApp), { ...given.mongrel2.connect, flowControl });
    });
    afterAll(() => served?.server.stop({ graceMs: 0 }));

    const getsAll = async (path: string, bytes: number) => {
      const client = await RawClient.connect(given.mongrel2.port);
      client.get(path);
      const hash = newHash();
      const response = await client.response({ sink: (part) => hash.update(part), ms: 60_000 });
      expect([response.status, hash.digest('hex')]).toEqual([200, patternHash(bytes)]);
      await client.close();
    };

    // Which of them m2 takes it for makes no difference once it is known: the long ones go once.
    const answers = ANSWERS.filter(([, bytes]) => flowControl === 'off' || bytes < 100 * MB);

    it.each(answers)('gets all of an answer in %i writes and %i bytes', { timeout: 60_000 }, async (writes, bytes) => {
      await getsAll(`/pieces/${writes}/${bytes}`, bytes);
    });

    it.each(answers.filter(([writes]) => writes > 1))(
      'gets all of %i writes and %i bytes, each in a turn of its own',
      { timeout: 60_000 },
      async (writes, bytes) => {
        await getsAll(`/pieces/${writes}/${bytes}?ticks`, bytes);
      },
    );

    it('gets all of a body that is there at once', { timeout: 60_000 }, async () => {
      for (const bytes of [0, 1, 70_000, 20 * MB]) await getsAll(`/whole/${bytes}`, bytes);
    });

    it('was never dropped', () => {
      const { counters, links } = served.server.stats();
      expect(counters).toMatchObject({ replied: counters.received, truncated: 0, clientGone: 0 });
      expect(links[0]).toMatchObject({ flowControl: 'off', overflowed: 0, lost: 0 });
      expect(given.mongrel2.badReplies()).toBe(0);
    });
  });
}
