// Stored uploads in (req, res) apps: read while Mongrel2 writes them, and removed whatever the app does.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { nodeHandler, uploadFolder } from '@m2/gateway/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { patternBytes } from '../harness/pattern.js';
import { RawClient } from '../harness/raw-client.js';
import { type Served, serveHandler } from '../harness/served.js';
import { FRAMINGS, Sender } from './support/sender.js';
import { STORED } from './support/serve-uploads.js';

const SIZE = 300_000;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describeWithMongrel2('stored uploads in a (req, res) app', { settings: STORED }, (given) => {
  let served: Served;
  const folder = () => join(given.mongrel2.chroot, 'uploads');
  beforeAll(async () => {
    const handler = nodeHandler((request, response) => {
      if (request.url === '/ignore') return response.end('ignored');
      if (request.url === '/throw') throw new Error('the app failed');
      if (request.url === '/early') response.end('early');
      const hash = createHash('sha256');
      request.on('data', (part: Buffer) => hash.update(part));
      request.on('end', () => {
        if (!response.writableEnded) response.end(`${hash.digest('hex')} ${request.complete}`);
      });
    });
    const uploads = uploadFolder(folder(), { pattern: STORED['upload.temp_store'] });
    served = await serveHandler(handler, { ...given.mongrel2.connect, uploads });
  });
  afterAll(() => served?.server.stop({ graceMs: 0 }));

  it.each(FRAMINGS)('are read as they come: framed by %s', async (framing) => {
    const client = await RawClient.connect(given.mongrel2.port);
    const sender = Sender.on(client, '/read', framing, SIZE);
    sender.send(SIZE / 2);
    sender.finish();
    expect((await client.response()).text()).toBe(`${digest(patternBytes(0, SIZE))} true`);
    await expect.poll(() => readdirSync(folder())).toEqual([]);
    await client.close();
  });

  it.each([
    ['ignore', 200],
    ['throw', 500],
    ['early', 200],
  ] as const)('are removed: an app that does %s', async (what, status) => {
    const client = await RawClient.connect(given.mongrel2.port);
    const sender = Sender.on(client, `/${what}`, 'length', SIZE);
    sender.finish();
    expect((await client.response()).status).toBe(status);
    await expect.poll(() => readdirSync(folder()), { timeout: 5000 }).toEqual([]);
    await client.close();
  });
});
