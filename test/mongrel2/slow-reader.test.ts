import { afterAll, beforeAll, expect, it } from 'vitest';
import { endedMark, endedSince } from '../cases/case.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { type Gateway, serveApp } from '../harness/gateway.js';
import { newHash, patternHash } from '../harness/pattern.js';
import { RawClient } from '../harness/raw-client.js';

const BYTES = 16 * 1024 * 1024;

for (const flowControl of ['off', 'auto'] as const) {
  describeWithMongrel2(`a slow reader without flow control, which m2 takes as '${flowControl}'`, {}, (given) => {
    let gateway: Gateway;
    // One handler for all: a request sent right after one handler left for another may go to the one that is gone (decision 0007).
    beforeAll(async () => {
      gateway = await serveApp({ ...given.mongrel2.connect, flowControl }, given.mongrel2);
    });
    afterAll(() => gateway?.server.stop({ graceMs: 0 }));

    it.each(['whole', 'big', 'sized'])('gets all of /%s, though it began to read when everything was sent', async (route) => {
      const mark = endedMark(gateway);
      const client = await RawClient.connect(given.mongrel2.port);
      client.stopReading();
      client.get(`/${route}/${BYTES}`);
      // The 17th message in its queue would make Mongrel2 drop the client.
      await endedSince(gateway, mark, 'replied');
      client.startReading();
      const hash = newHash();
      const response = await client.response({ sink: (bytes) => hash.update(bytes) });
      expect([response.status, hash.digest('hex')]).toEqual([200, patternHash(BYTES)]);
      await client.close();
    });
  });
}
