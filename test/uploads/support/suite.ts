import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Mongrel2Fixture } from '../../harness/describe.js';
import { type Framing, Sender } from './sender.js';
import { serveUploads, type UploadServer } from './serve-uploads.js';

/** What the tests of one describe share. */
export interface UploadSuite {
  /** The upload app behind the describe's Mongrel2. */
  readonly served: UploadServer;
  /** Begins an upload on a connection that is closed after the test. */
  begin(path: string, framing: Framing, total: number, headers?: readonly string[]): Promise<Sender>;
  /** The connection still works. */
  expectAlive(sender: Sender): Promise<void>;
}

/** Serves uploads to the tests of a describe. After each test no file may be left, and none refused. */
export function uploadSuite(given: Mongrel2Fixture): UploadSuite {
  let served: UploadServer | undefined;
  const senders: Sender[] = [];
  const suite: UploadSuite = {
    get served() {
      if (served === undefined) throw new Error('m2 is started in beforeAll: use it in hooks and tests only.');
      return served;
    },
    async begin(path, framing, total, headers = []) {
      const sender = await Sender.begin(suite.served.port, path, framing, total, headers);
      senders.push(sender);
      return sender;
    },
    async expectAlive({ client }) {
      client.get('/hello');
      expect((await client.response()).text()).toBe('hello\n');
    },
  };
  beforeAll(async () => {
    served = await serveUploads(given.mongrel2);
  });
  afterEach(async () => {
    for (const { client } of senders.splice(0)) await client.close();
    await suite.served.empty();
    expect(suite.served.folder.stats()).toMatchObject({ open: 0, refused: 0, notRemoved: 0, missedReports: 0 });
  });
  afterAll(() => served?.server.stop({ graceMs: 0 }));
  return suite;
}
