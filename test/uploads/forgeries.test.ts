// What a client can make a real Mongrel2 send: upload headers of its own. It may gain nothing by them (protocol 7.2).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { RawClient, request } from '../harness/raw-client.js';
import { FRAMINGS, Sender } from './support/sender.js';
import { STORED, serveUploads, type UploadServer } from './support/serve-uploads.js';

const SECRET = 'nobody may read this';
const NAMES = ['uploads/up.victim', '/uploads/up.victim', '/etc/passwd', 'uploads/../uploads/up.victim', 'up.victim'];

/** Upload headers as a client would forge them. */
const forged = (name: string): string[] => [`X-Mongrel2-Upload-Start: ${name}`, `X-Mongrel2-Upload-Done: ${name}`];

/** Requests for which Mongrel2 1.12 stores and replaces nothing. */
const REQUESTS: Record<string, (name: string) => string> = {
  GET: (name) => request('GET', '/text', forged(name)),
  'GET with a length': (name) => request('GET', '/text', forged(name), 'body'),
  'a small POST': (name) => request('POST', '/text', forged(name), 'body'),
  'a small POST with two names': (name) => request('POST', '/text', [...forged(name), ...forged('uploads/up.other1')], 'body'),
  'POST with a length of 0': (name) => request('POST', '/text', [...forged(name), 'Content-Length: 0']),
  'POST with a length beyond all numbers': (name) =>
    request('POST', '/text', [...forged(name), 'Content-Length: 99999999999999999999']),
  'POST with a length of 2^32': (name) => request('POST', '/text', [...forged(name), 'Content-Length: 4294967296']),
  'POST with a length of 0, and chunked': (name) =>
    request('POST', '/text', [...forged(name), 'Content-Length: 0', 'Transfer-Encoding: chunked']),
  'POST, chunked by another name': (name) => request('POST', '/text', [...forged(name), 'Transfer-Encoding: Chunked']),
  'POST with a length and a tail': (name) => request('POST', '/text', [...forged(name), 'Content-Length: 0x40']),
};

for (const [way, settings] of Object.entries({ stored: STORED, streamed: { 'upload.stream': 1 } })) {
  describeWithMongrel2(`forged upload headers, ${way} uploads`, { settings }, (given) => {
    let served: UploadServer;
    let victim = '';
    beforeAll(async () => {
      victim = join(given.mongrel2.chroot, 'uploads/up.victim');
      served = await serveUploads(given.mongrel2);
    });
    beforeEach(() => writeFileSync(victim, SECRET));
    afterEach(() => {
      expect(readFileSync(victim, 'utf8')).toBe(SECRET);
      expect(served.files()).toEqual(['up.victim']);
      expect(served.folder.stats()).toMatchObject({ open: 0, notRemoved: 0 });
    });
    afterAll(() => served.server.stop({ graceMs: 0 }));

    describe.each(NAMES)('%s', (name) => {
      it.each(Object.entries(REQUESTS))('%s', async (_what, forge) => {
        const before = served.folder.stats();
        const client = await RawClient.connect(served.port);
        client.write(forge(name));
        const response = await client.next();
        // Answered by the app or by Mongrel2 itself, or cut: never with what is in the file.
        expect(response?.text() ?? '').not.toMatch(/nobody may read|root:/);
        expect(['', 'body']).toContain(response?.status === 200 ? response.text() : '');
        await client.close();
        expect(served.folder.stats()).toMatchObject({ uploads: before.uploads, bytes: before.bytes, removed: before.removed });
      });

      it.each(FRAMINGS)('on a real upload, which they do not disturb: %s', async (framing) => {
        const sender = await Sender.begin(served.port, '/read/real', framing, 100_000, [...forged(name), ...forged(name)]);
        sender.send(50_000);
        await served.app.hasRead('/read/real', 1);
        sender.finish();
        expect(await sender.json()).toEqual(sender.summary);
        await sender.client.close();
        await served.empty('up.victim');
      });
    });
  });
}
