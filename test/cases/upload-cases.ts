import { expect } from 'vitest';
import { newHash, patternBytes } from '../harness/pattern.js';
import type { RawClient } from '../harness/raw-client.js';
import { endedMark, endedSince, expectAlive, type GatewayCase, withClient } from './case.js';

const KB = 1024;

/** Sends a head that announces `size` bytes, and no body yet. */
const announce = (client: RawClient, path: string, size: number, ...headers: string[]): void =>
  client.write([`POST ${path} HTTP/1.1`, 'Host: localhost', `Content-Length: ${size}`, ...headers, '', ''].join('\r\n'));

/** What `/upload` answers for these bytes. */
const summary = (bytes: Uint8Array): { size: number; hash: string } => ({
  size: bytes.length,
  hash: newHash().update(bytes).digest('hex'),
});

async function expectUpload(client: RawClient, size: number): Promise<void> {
  const bytes = patternBytes(0, size);
  announce(client, '/upload/open', size);
  client.write(bytes);
  expect(JSON.parse((await client.response()).text())).toEqual(summary(bytes));
}

/** Request bodies that the front streams (`upload.stream=1`, protocol 7.3). */
export const uploadCases: readonly GatewayCase[] = [
  {
    name: 'bodies of all sizes, one after the other on one connection',
    run: (given) =>
      withClient(given, async (client) => {
        given.app.open('open');
        for (const size of [1, 4000, 20_480, 20_481, 65_536, 300_000, 4 * KB * KB]) await expectUpload(client, size);
        await expectAlive(client);
      }),
  },
  {
    name: 'a chunked body',
    run: (given) =>
      withClient(given, async (client) => {
        given.app.open('open');
        const sizes = [1, 255, 4096, 50_000, 7];
        client.write('POST /upload/open HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
        let sent = 0;
        for (const size of sizes) {
          client.write(`${size.toString(16)}\r\n`);
          client.write(patternBytes(sent, size));
          client.write('\r\n');
          sent += size;
        }
        client.write('0\r\n\r\n');
        expect(JSON.parse((await client.response()).text())).toEqual(summary(patternBytes(0, sent)));
        await expectAlive(client);
      }),
  },
  {
    name: 'a body that is echoed while it comes',
    run: (given) =>
      withClient(given, async (client) => {
        const bytes = patternBytes(0, 1000 * KB);
        announce(client, '/echo', bytes.length);
        client.write(bytes);
        expect((await client.response()).body.equals(bytes)).toBe(true);
        await expectAlive(client);
      }),
  },
  {
    name: 'Expect: 100-continue is answered once',
    run: (given) =>
      withClient(given, async (client) => {
        given.app.open('open');
        const bytes = patternBytes(0, 100 * KB);
        announce(client, '/upload/open', bytes.length, 'Expect: 100-continue');
        await client.sees('HTTP/1.1 100 Continue\r\n');
        client.write(bytes);
        const response = await client.response();
        expect(response.interim.map(({ status }) => status)).toEqual([100]);
        expect(JSON.parse(response.text())).toEqual(summary(bytes));
      }),
  },
  {
    name: 'a body that the app does not read does not spoil the connection',
    run: (given) =>
      withClient(given, async (client) => {
        announce(client, '/ignore', 100 * KB);
        client.write(patternBytes(0, 100 * KB));
        expect((await client.response()).text()).toBe('ignored\n');
        await expectAlive(client);
      }),
  },
  {
    name: 'an app that reads slowly slows the client down',
    run: (given) =>
      withClient(given, async (client) => {
        const bytes = patternBytes(0, 8 * KB * KB);
        const before = given.server.stats().counters.uploadParts;
        announce(client, '/upload/slowly', bytes.length);
        client.write(bytes);
        await given.app.happened('upload', '/upload/slowly');
        await withClient(given, async (other) => {
          for (let n = 0; n < 50; n++) await expectAlive(other);
        });
        // A part has at most 20,480 bytes; what is here is a window's worth of the 400 parts that the body makes.
        expect(given.server.stats().counters.uploadParts - before).toBeLessThan(200);
        given.app.open('slowly');
        expect(JSON.parse((await client.response()).text())).toEqual(summary(bytes));
      }),
  },
  {
    name: 'a client that leaves in the middle of its body breaks the app off',
    async run(given) {
      const mark = endedMark(given);
      given.app.open('leaving');
      await withClient(given, async (client) => {
        announce(client, '/upload/leaving', 100 * KB);
        client.write(patternBytes(0, 50 * KB));
        await given.app.happened('upload', '/upload/leaving');
        await client.reset();
      });
      await given.app.happened('broken', '/upload/leaving');
      await endedSince(given, mark, 'clientGone');
      await withClient(given, expectAlive);
    },
  },
];
