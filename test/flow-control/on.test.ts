import { startFront } from '@m2/front';
import { fetchHandler } from '@m2/gateway';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { newHash, patternHash } from '../harness/pattern.js';
import { RawClient } from '../harness/raw-client.js';
import { type Served, serveHandler } from '../harness/served.js';
import { downloadApp } from './download-app.js';

const WINDOW = 102_400;

interface Place {
  readonly port: number;
  readonly connect: { readonly sendSpec: string; readonly recvSpec: string };
  stop?(): Promise<void>;
}

/** Answers that fill, overfill and miss the window, head and chunk sizes included. */
const PATHS = [1, 50_000, 102_000, 102_200, 102_300, 102_399, 102_400, 102_401, 150_000, 204_800, 1_000_000].flatMap((bytes) => [
  [`/whole/${bytes}`, bytes] as const,
  [`/pieces/7/${bytes}`, bytes] as const,
  [`/pieces/300/${bytes}?ticks`, bytes] as const,
]);

function holdsWindow(place: () => Promise<Place>): void {
  let front: Place;
  let served: Served;
  beforeAll(async () => {
    front = await place();
    served = await serveHandler(fetchHandler(downloadApp), front.connect);
  });
  afterAll(async () => {
    await served?.server.stop({ graceMs: 0 });
    await front?.stop?.();
  });

  const read = async (client: RawClient, bytes: number) => {
    const hash = newHash();
    const { status } = await client.response({ sink: (part) => hash.update(part), ms: 20_000 });
    expect([status, bytes, hash.digest('hex')]).toEqual([200, bytes, patternHash(bytes)]);
  };

  it('keeps to the window over all the requests of a connection', { timeout: 60_000 }, async () => {
    const client = await RawClient.connect(front.port);
    for (const [path, bytes] of PATHS) {
      client.get(path);
      await read(client, bytes);
    }
    await client.close();
  });

  it('keeps to the window with pipelined requests, whose answers wait for one another', { timeout: 60_000 }, async () => {
    const client = await RawClient.connect(front.port);
    for (const [path] of PATHS) client.get(path);
    for (const [, bytes] of PATHS) await read(client, bytes);
    await client.close();
  });

  it('sent no message over 102,400 bytes, nor more of them than that unacknowledged', () => {
    const { tap, server } = served;
    expect([tap.most('largest') <= WINDOW, tap.most('mostUnacknowledged') <= WINDOW]).toEqual([true, true]);
    // Nor far less than it may: the window is used.
    expect(tap.most('mostUnacknowledged')).toBeGreaterThan(WINDOW / 2);
    const { counters, links } = server.stats();
    expect(counters).toMatchObject({ replied: 2 * PATHS.length, truncated: 0, clientGone: 0 });
    expect(links[0]?.flowControl).toBe('on');
    expect(tap.most('keepAlives')).toBe(0);
  });
}

for (const protocol of ['json', 'tnetstring'] as const) {
  describeWithMongrel2(
    `Flow control by Mongrel2, ${protocol} headers`,
    { flowControl: true, handlers: [{ protocol }] },
    (given) => {
      holdsWindow(async () => given.mongrel2);
    },
  );
}

describe('Flow control by the embedded front', () => {
  holdsWindow(async () => {
    const front = await startFront({ settings: { 'download.flow_control': 1 } });
    const { sendSpec = '', recvSpec = '' } = front.handlers[0] ?? {};
    return { port: front.port, connect: { sendSpec, recvSpec }, stop: () => front.close() };
  });
});

describeWithMongrel2('Two handlers on the same addresses, with flow control', { flowControl: true }, (given) => {
  const handlers: Served[] = [];
  beforeAll(async () => {
    for (let n = 0; n < 2; n++) handlers.push(await serveHandler(fetchHandler(downloadApp), given.mongrel2.connect));
  });
  afterAll(async () => {
    for (const { server } of handlers) await server.stop({ graceMs: 0 });
  });

  it('answer what fits the window, and say that longer answers would stop', async () => {
    for (let n = 0; n < 60; n++) {
      const client = await RawClient.connect(given.mongrel2.port);
      client.get('/whole/90000');
      expect((await client.response()).body.length).toBe(90_000);
      await client.close();
    }
    const received = handlers.map(({ server }) => server.stats().counters.received);
    expect(received.every((count) => count > 0)).toBe(true);
    const warned = handlers.filter(({ log }) => log.lines.entries.some(({ message }) => message.includes('one handler only')));
    expect(warned.length).toBeGreaterThan(0);
  });
});
