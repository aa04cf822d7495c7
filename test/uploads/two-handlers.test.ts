import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { RawClient } from '../harness/raw-client.js';
import { Sender } from './support/sender.js';
import { STORED, serveUploads, type UploadServer } from './support/serve-uploads.js';

// Mongrel2 deals its messages in turn: the start of an upload goes to one process, the word of its completion to the other.
describeWithMongrel2('stored uploads and two handlers of one route', { settings: STORED }, (given) => {
  const served: UploadServer[] = [];
  beforeAll(async () => {
    served.push(await serveUploads(given.mongrel2), await serveUploads(given.mongrel2));
  });
  afterAll(async () => {
    for (const { server } of served) await server.stop({ graceMs: 0 });
  });
  const sum = (count: (one: UploadServer) => number) => served.reduce((total, one) => total + count(one), 0);

  it('a body with a length is read and removed without the word, which the other counts', async () => {
    const client = await RawClient.connect(given.mongrel2.port);
    let uploads = 0;
    // Until the second handler is connected, the first gets both messages.
    while (sum((one) => one.counters().orphans) < 4) {
      const sender = Sender.on(client, `/read/${++uploads}`, 'length', 200_000);
      sender.finish();
      expect(await sender.json()).toEqual(sender.summary);
    }
    for (const one of served) await one.empty();
    await client.close();
    expect(sum((one) => one.folder.stats().removed)).toBe(uploads);
    expect(sum((one) => one.folder.stats().notRemoved + one.folder.stats().refused)).toBe(0);
  });
});
