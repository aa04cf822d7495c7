import { eventually } from '@m2/core/testing';
import { expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { FRAMINGS, Sender } from './support/sender.js';
import { STORED, serveUploads } from './support/serve-uploads.js';

const HALF = 50_000;

describeWithMongrel2('stopping with uploads open', { settings: STORED }, (given) => {
  it.each(FRAMINGS)('removes their files before stop() resolves: %s', async (framing) => {
    const served = await serveUploads(given.mongrel2);
    const begin = async (path: string) => {
      const sender = await Sender.begin(served.port, path, framing, 2 * HALF);
      sender.send(HALF);
      return sender;
    };
    const reading = await begin('/read/open');
    await served.app.hasRead('/read/open', HALF);
    const ignored = await begin('/ignore');
    expect((await ignored.client.response()).text()).toBe('ignored\n');
    const complete = await begin('/held/complete');
    complete.finish();
    await eventually(() => served.counters().uploadParts === 1, 'the word of completion came');
    expect(await served.server.stop({ graceMs: 0 })).toEqual({ unfinished: 2 });
    expect([served.files(), served.folder.stats().open]).toEqual([[], 0]);
    served.app.open('complete');
    expect(await served.app.ended('/read/open')).toMatchObject({ end: 'broken' });
    for (const { client } of [reading, ignored, complete]) await client.close();
  });

  it('waits for an upload that is being read, within the grace time', async () => {
    const served = await serveUploads(given.mongrel2);
    const sender = await Sender.begin(served.port, '/read/graceful', 'length', 2 * HALF);
    sender.send(HALF);
    await served.app.hasRead('/read/graceful', HALF);
    const stopped = served.server.stop({ graceMs: 60_000 });
    sender.finish();
    expect(await sender.json()).toEqual(sender.summary);
    await sender.client.close();
    expect(await stopped).toEqual({ unfinished: 0 });
    expect(served.files()).toEqual([]);
  });

  it('of Mongrel2 itself leaves nothing open, and no file', async () => {
    const served = await serveUploads(given.mongrel2);
    const sender = await Sender.begin(served.port, '/read/killed', 'chunked', 2 * HALF);
    sender.send(HALF);
    await served.app.hasRead('/read/killed', HALF);
    await given.mongrel2.kill('SIGKILL');
    expect(await served.app.ended('/read/killed')).toMatchObject({ end: 'broken' });
    await served.empty();
    await sender.client.close();
    await given.mongrel2.start();
    await served.server.stop({ graceMs: 0 });
  });
});
