import { describe, expect, it } from 'vitest';
import { collecting, http, settled, start } from '../../test/harness.js';
import { eventually } from '../testing/index.js';
import type { HttpExchange } from './exchange.js';

const LIMIT = 50_000;
const connection = { bodyLimit: LIMIT };
const bytes = (size: number) => new Uint8Array(size).fill(120);
const chunks = (count: number, size = 10_000) => Array.from({ length: count }, () => bytes(size));

describe('The body limit', () => {
  it.each([
    [10_000, LIMIT, true],
    [10_001, 10_000, false],
    [LIMIT + 1, LIMIT, false],
    [5_000_000, 0, true],
  ])('a body of %i bytes under a limit of %i reaches the handler: %s', async (size, bodyLimit, reaches) => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler, { connection: { bodyLimit } });
    const client = mongrel2.connect().request({ body: bytes(size) });
    await settled();
    expect(handler.exchanges).toHaveLength(reaches ? 1 : 0);
    handler.exchanges[0]?.respond(200, []);
    const response = await client.response();
    expect(response.status).toBe(reaches ? 200 : 413);
    expect(server.stats().counters.tooLarge).toBe(reaches ? 0 : 1);
  });

  it('is 10 MiB by default', async () => {
    const handler = collecting();
    const { mongrel2 } = await start(handler);
    const over = mongrel2.connect().request({ body: bytes(10 * 1024 * 1024 + 1) });
    expect([(await over.response()).status, handler.exchanges]).toEqual([413, []]);
    mongrel2.connect().request({ body: bytes(10 * 1024 * 1024) });
    await settled();
    expect(handler.exchanges).toHaveLength(1);
  });

  it('takes a small rest, and the next request, on the same connection; a large rest closes it', async () => {
    const { mongrel2 } = await start(
      http((exchange) => exchange.respond(200, [])),
      { connection: { bodyLimit: 1000 } },
    );
    const client = mongrel2.connect();
    const status = async (size: number) => (await client.request({ body: bytes(size) }).response()).status;
    expect([await status(1001), await status(100_000), await status(1000)]).toEqual([413, 413, 200]);
    const response = await client.request({ body: bytes(3_000_000) }).response();
    expect([response.status, response.header('connection')]).toEqual([413, 'close']);
    await eventually(() => client.closedBy !== undefined, 'the connection is closed');
  });

  it('ends a chunked body where it passes it: the reader fails, the client gets 413, and what the app still says is dropped', async () => {
    const handler = collecting();
    const { mongrel2, server, lines } = await start(handler, { connection });
    const client = mongrel2.connect().request({ chunks: chunks(6) });
    await settled();
    const [exchange] = handler.exchanges as [HttpExchange];
    expect([exchange.body.length, exchange.body.whole]).toEqual([undefined, undefined]);
    for (let read = 0; read < LIMIT; ) read += (await exchange.body.read())?.length ?? 0;
    const tooLarge = expect.objectContaining({ code: 'M2_BODY_TOO_LARGE' });
    await expect(exchange.body.read()).rejects.toEqual(tooLarge);
    await expect(exchange.body.read()).rejects.toEqual(tooLarge);
    expect(exchange.signal.reason).toEqual(tooLarge);
    expect(exchange.ended).toBe(true);
    exchange.respond(200, [], 'too late');
    const response = await client.response();
    expect([response.status, response.header('connection')]).toEqual([413, 'close']);
    expect(server.stats().counters).toMatchObject({ replied: 1, tooLarge: 1, handlerErrors: 0 });
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('only fails the reader when the answer has begun, which goes on', async () => {
    const handler = collecting();
    const { mongrel2 } = await start(handler, { connection });
    const client = mongrel2.connect().request({ chunks: chunks(6) });
    await settled();
    const [exchange] = handler.exchanges as [HttpExchange];
    exchange.start(200, []);
    const reading = async () => {
      while ((await exchange.body.read()) !== undefined);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'M2_BODY_TOO_LARGE' });
    expect(exchange.aborted).toBeUndefined();
    exchange.write('that was ');
    exchange.end('too much');
    expect((await client.response()).text).toBe('that was too much');
  });

  it('lets a chunked body of exactly its size pass', async () => {
    const { mongrel2 } = await start(
      http(async (exchange) => {
        let size = 0;
        for (let part = await exchange.body.read(); part !== undefined; part = await exchange.body.read()) size += part.length;
        exchange.respond(200, [], `${size}`);
      }),
      { connection },
    );
    expect(
      (
        await mongrel2
          .connect()
          .request({ chunks: chunks(5) })
          .response()
      ).text,
    ).toBe(`${LIMIT}`);
  });
});
