import { describe, expect, it } from 'vitest';
import { collecting, http, settled, start } from '../../test/harness.js';
import { M2Error } from '../errors.js';
import { eventually } from '../testing/index.js';
import type { ServerReply } from '../wire/server-side.js';
import type { HttpExchange } from './exchange.js';
import type { RequestBody } from './request-body.js';

const pattern = (size: number) => Uint8Array.from({ length: size }, (_, at) => (at * 31) % 251);

async function readAll(body: RequestBody): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let part = await body.read(); part !== undefined; part = await body.read()) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

const granted = (replies: readonly (ServerReply | M2Error)[]) =>
  replies.flatMap((reply) =>
    !(reply instanceof M2Error) && reply.kind === 'control' && reply.credits !== undefined ? [reply.credits] : [],
  );

/** Echoes the body, however it comes. */
const echo = http(async (exchange) => {
  const { whole } = exchange.body;
  exchange.respond(200, [], whole ?? (await readAll(exchange.body)));
});

describe('A body that comes with its message', () => {
  it.each([0, 1, 4096, 20_480])('is there at once: %i bytes', async (size) => {
    const { mongrel2 } = await start(echo);
    expect(
      (
        await mongrel2
          .connect()
          .request({ method: 'POST', body: pattern(size) })
          .response()
      ).body,
    ).toEqual(pattern(size));
  });

  it('is read once', async () => {
    const handler = collecting();
    const { mongrel2 } = await start(handler);
    mongrel2.connect().request({ body: 'abc' });
    await settled();
    const { body } = handler.exchanges[0] as HttpExchange;
    expect(body.length).toBe(3);
    expect(await readAll(body)).toEqual(new TextEncoder().encode('abc'));
    expect([body.whole, await body.read()]).toEqual([undefined, undefined]);
  });
});

describe('A streamed body', () => {
  it('arrives whole, with a length and chunked, and the connection goes on', async () => {
    const { mongrel2, replies } = await start(echo, { mongrel2: { flowControl: true } });
    const client = mongrel2.connect();
    const body = pattern(2_000_000);
    expect(Buffer.compare((await client.request({ body }).response()).body, body)).toBe(0);
    const chunks = [pattern(10), pattern(90_000), pattern(1)];
    expect((await client.request({ chunks }).response()).body).toHaveLength(90_011);
    expect((await client.request({ chunks: [] }).response()).body).toHaveLength(0);
    expect((await client.request({ body: 'small' }).response()).text).toBe('small');
    expect(granted(replies).every((credits) => credits <= 256 * 1024)).toBe(true);
  });

  it('survives chunks larger than what was granted', async () => {
    const { mongrel2 } = await start(echo, { mongrel2: { flowControl: true } });
    const chunks = Array.from({ length: 20 }, () => pattern(100_000));
    expect((await mongrel2.connect().request({ chunks }).response()).body).toHaveLength(2_000_000);
  });

  it('is not asked for ahead of a slow reader: few credits, bounded memory', async () => {
    const handler = collecting();
    const { mongrel2, replies } = await start(handler);
    const client = mongrel2.connect().request({ body: pattern(3_000_000) });
    await settled();
    expect(granted(replies)).toEqual([]);
    const [exchange] = handler.exchanges as [HttpExchange];
    expect(exchange.body.length).toBe(3_000_000);
    let read = (await exchange.body.read())?.length ?? 0;
    await settled();
    expect(granted(replies).reduce((sum, credits) => sum + credits, 0)).toBeLessThanOrEqual(256 * 1024);
    for (let part = await exchange.body.read(); part !== undefined; part = await exchange.body.read()) {
      read += part.length;
      const sum = granted(replies).reduce((total, credits) => total + credits, 0);
      expect(sum).toBeLessThanOrEqual(read + 256 * 1024);
    }
    expect(read).toBe(3_000_000);
    exchange.respond(200, []);
    expect((await client.response()).status).toBe(200);
  });

  it('rejects the read when the client leaves, and a read at the same time as another', async () => {
    const handler = collecting();
    const { mongrel2 } = await start(handler);
    const client = mongrel2.connect().request({ chunks: [pattern(300_000), pattern(10)] });
    await settled();
    const { body } = handler.exchanges[0] as HttpExchange;
    client.disconnect();
    const reading = body.read();
    await expect(body.read()).rejects.toMatchObject({ code: 'M2_EXCHANGE_STATE' });
    await expect(reading).rejects.toMatchObject({ code: 'M2_CLIENT_GONE' });
    await expect(body.read()).rejects.toMatchObject({ code: 'M2_CLIENT_GONE' });
  });
});

describe('A streamed body that nobody reads', () => {
  it('is drained when it is small, and the connection goes on', async () => {
    const { mongrel2, clients } = await start(http((exchange) => exchange.respond(413, [])));
    const client = mongrel2.connect();
    client
      .request({ body: pattern(500_000) })
      .request({ chunks: [pattern(90_000), pattern(90_000)] })
      .request();
    for (let n = 0; n < 3; n++) expect((await client.response()).status).toBe(413);
    expect(client.closedBy).toBeUndefined();
    await eventually(() => clients().length === 0, 'nothing is left of it');
  });

  it('closes the connection when it is large, after an answer that says so', async () => {
    const { mongrel2, server } = await start(http((exchange) => exchange.respond(413, [], 'too large')));
    const client = mongrel2.connect().request({ body: pattern(2_000_000) });
    const response = await client.response();
    expect([response.text, response.header('connection')]).toEqual(['too large', 'close']);
    expect(await client.closed).toBe('handler');
    expect(server.stats().counters).toMatchObject({ received: 1, replied: 1, truncated: 0 });
  });

  it('closes the connection when a chunked one turns out to be large', async () => {
    const { mongrel2, server } = await start(http((exchange) => exchange.respond(200, [], 'fine')));
    const client = mongrel2.connect().request({ chunks: Array.from({ length: 30 }, () => pattern(100_000)) });
    expect((await client.response()).text).toBe('fine');
    expect(await client.closed).toBe('handler');
    expect(server.stats().counters).toMatchObject({ received: 1, replied: 1 });
  });

  it('can still be answered after it was cancelled, large or small, and streamed', async () => {
    for (const size of [100_000, 3_000_000]) {
      const { mongrel2, server } = await start(
        http(async (exchange) => {
          await exchange.body.read();
          exchange.body.cancel();
          await settled();
          exchange.start(200, []);
          exchange.write('still ');
          await settled();
          exchange.end('here');
        }),
      );
      const client = mongrel2.connect().request({ body: pattern(size) });
      expect((await client.response()).text).toBe('still here');
      expect(server.stats().counters).toMatchObject({ received: 1, replied: 1, truncated: 0 });
      if (size > 1_000_000) expect(await client.closed).toBe('handler');
    }
  });

  it('fails a read that comes after the response', async () => {
    const handler = collecting();
    const { mongrel2 } = await start(handler);
    const client = mongrel2.connect().request({ body: pattern(100_000) });
    await settled();
    const [exchange] = handler.exchanges as [HttpExchange];
    exchange.respond(200, []);
    await client.response();
    await expect(exchange.body.read()).rejects.toMatchObject({ code: 'M2_EXCHANGE_STATE' });
  });
});
