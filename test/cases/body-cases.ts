import { expect } from 'vitest';
import { newHash, patternHash } from '../harness/pattern.js';
import type { RawClient } from '../harness/raw-client.js';
import type { RawResponse } from '../harness/response-parser.js';
import { expectAlive, type GatewayCase, withClient } from './case.js';

const MB = 1024 * 1024;

/** Gets a body and checks every byte of it. */
async function expectPattern(client: RawClient, path: string, length: number): Promise<RawResponse> {
  const hash = newHash();
  let size = 0;
  client.get(path);
  const response = await client.response({
    ms: 60_000,
    sink: (bytes) => {
      size += bytes.length;
      hash.update(bytes);
    },
  });
  expect([response.status, size]).toEqual([200, length]);
  expect(hash.digest('hex')).toBe(patternHash(length));
  return response;
}

/** Big bodies and streams. */
export const bodyCases: readonly GatewayCase[] = [
  {
    name: 'a response of 1 MB: in one piece, as a stream, as a stream of known length',
    run: (given) =>
      withClient(given, async (client) => {
        expect((await expectPattern(client, `/whole/${MB}`, MB)).framing).toBe('length');
        expect((await expectPattern(client, `/big/${MB}`, MB)).framing).toBe('chunked');
        expect((await expectPattern(client, `/sized/${MB}`, MB)).framing).toBe('length');
        await expectAlive(client);
      }),
  },
  {
    name: 'responses around the sizes at which messages are cut',
    run: (given) =>
      withClient(given, async (client) => {
        for (const size of [1, 4095, 65_535, 65_536, 102_399, 102_400, 102_401, 131_072, 262_145]) {
          await expectPattern(client, `/whole/${size}`, size);
          await expectPattern(client, `/big/${size}`, size);
        }
      }),
  },
  {
    name: 'a response of 100 MB',
    ms: 90_000,
    run: (given) =>
      withClient(given, async (client) => {
        await expectPattern(client, `/big/${100 * MB}`, 100 * MB);
        await expectAlive(client);
      }),
  },
  {
    name: 'a response streamed piece by piece, each when it is there',
    run: (given) =>
      withClient(given, async (client) => {
        client.get('/steps/streaming/4');
        const answer = client.response();
        for (let n = 2; n <= 4; n++) {
          // The piece before has come over the wire, alone, while the app has not got further.
          const before = await client.sees(`step ${n - 1}\n`);
          expect(before).not.toContain(`step ${n}\n`);
          given.app.open(`streaming-${n}`);
        }
        expect((await answer).text()).toBe('step 1\nstep 2\nstep 3\nstep 4\n');
        await expectAlive(client);
      }),
  },
  {
    name: 'a client that stops reading stops the app, and gets everything once it reads again',
    needs: 'flowControl',
    run: (given) =>
      withClient(given, async (slow) => {
        const before = given.app.produced;
        slow.get('/endless');
        await slow.bytes(100_000);
        slow.stopReading();
        // Far more of the loop's turns than an app that is not held back would need to fill the memory.
        await withClient(given, async (client) => {
          for (let n = 0; n < 200; n++) await expectAlive(client);
        });
        const held = given.app.produced - before;
        expect(held).toBeLessThan(32 * MB);
        slow.startReading();
        await slow.bytes(held);
      }),
  },
];
