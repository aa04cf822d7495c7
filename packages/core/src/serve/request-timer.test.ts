import { describe, expect, it } from 'vitest';
import { collecting, http, type Setup, settled, start } from '../../test/harness.js';
import type { HttpExchange } from '../http/exchange.js';
import { ManualClock } from '../testing/index.js';

const LIMIT_MS = 1000;

/** A handler that answers nothing by itself, with a timeout of a second. */
async function timed(setup: Setup = {}) {
  const clock = new ManualClock();
  const handler = collecting();
  const running = await start(handler, {
    ...setup,
    connection: { clock, ...setup.connection },
    mongrel2: { clock, ...setup.mongrel2 },
    serve: { requestTimeoutMs: LIMIT_MS },
  });
  return { clock, handler, ...running };
}

describe('the request timeout', () => {
  it('answers 504 within an eighth of the timeout, closes, and tells the app', async () => {
    const { clock, handler, mongrel2, server } = await timed();
    const client = mongrel2.connect().request();
    await settled();
    await clock.advanceInTicks(LIMIT_MS - 10);
    expect(client.received).toHaveLength(0);
    await clock.advanceInTicks(2 * (LIMIT_MS / 8));
    const response = await client.response();
    expect([response.status, response.text, response.header('connection')]).toEqual([504, 'Gateway Timeout\n', 'close']);
    expect(handler.exchanges[0]?.signal.reason).toMatchObject({ code: 'M2_TIMED_OUT' });
    expect(server.stats().counters).toMatchObject({ received: 1, timedOut: 1, replied: 0 });
  });

  it('is a minute unless told otherwise, and 0 turns it off', async () => {
    const clock = new ManualClock();
    const usual = await start(collecting(), { connection: { clock }, serve: { requestTimeoutMs: undefined as never } });
    const off = await start(collecting(), { connection: { clock }, serve: { requestTimeoutMs: 0 } });
    const [client, patient] = [usual.mongrel2.connect().request(), off.mongrel2.connect().request()];
    await settled();
    await clock.advanceInTicks(59_000);
    expect(client.received).toHaveLength(0);
    await clock.advanceInTicks(3_000);
    expect((await client.response()).status).toBe(504);
    await clock.advanceInTicks(600_000);
    expect(patient.received).toHaveLength(0);
  });

  it('leaves streams and long polls alone whose first byte was sent', async () => {
    const { clock, handler, mongrel2, server } = await timed();
    const clients = [mongrel2.connect().request(), mongrel2.connect().request()];
    await settled();
    const [stream, poll] = handler.exchanges as [HttpExchange, HttpExchange];
    stream.start(200, []);
    stream.write('first');
    poll.start(200, []);
    await clock.advanceInTicks(20 * LIMIT_MS);
    stream.end(' last');
    poll.end('at last');
    expect((await clients[0]?.response())?.text).toBe('first last');
    expect((await clients[1]?.response())?.text).toBe('at last');
    expect(server.stats().counters).toMatchObject({ replied: 2, timedOut: 0 });
  });

  it('answers a handshake that is not decided, and leaves WebSockets alone', async () => {
    const { clock, handler, mongrel2, server } = await timed();
    const [open, undecided] = [mongrel2.connect().upgrade(), mongrel2.connect().upgrade()];
    await settled();
    const { HttpExchange: Exchange } = await import('../http/exchange.js');
    const [message] = handler.messages;
    const [client] = handler.clients;
    if (message?.kind !== 'websocket-handshake' || client === undefined) throw new Error('No handshake came.');
    new Exchange(message, client).acceptWebSocket();
    await clock.advanceInTicks(20 * LIMIT_MS);
    expect((await undecided.response()).status).toBe(504);
    expect((await open.response()).status).toBe(101);
    expect(open.closedBy).toBeUndefined();
    expect(server.stats().counters).toMatchObject({ replied: 1, timedOut: 1 });
  });

  it('gives plain handlers 504 too', async () => {
    const clock = new ManualClock();
    const { mongrel2 } = await start({ handle: () => {} }, { connection: { clock }, serve: { requestTimeoutMs: LIMIT_MS } });
    const client = mongrel2.connect().request();
    await settled();
    await clock.advanceInTicks(2 * LIMIT_MS);
    expect((await client.response()).status).toBe(504);
  });
});

describe('the request timeout of an upload', () => {
  it('begins anew with each part that comes, so that a slow client is no fault of the app', async () => {
    const clock = new ManualClock();
    let size = 0;
    const handler = http(async (exchange) => {
      for (let part = await exchange.body.read(); part !== undefined; part = await exchange.body.read()) {
        size += part.length;
        // More is granted as it is read, so that the next parts come as slowly as from a slow client.
        await new Promise<void>((resolve) => void clock.after(LIMIT_MS / 10, resolve));
      }
      exchange.respond(200, [], `${size}`);
    });
    const { mongrel2, server } = await start(handler, { connection: { clock }, serve: { requestTimeoutMs: LIMIT_MS } });
    const client = mongrel2.connect().request({ body: new Uint8Array(4_000_000) });
    const response = client.response();
    await clock.advanceInTicks(2 * LIMIT_MS);
    expect(size).toBeLessThan(3_000_000);
    await clock.advanceInTicks(60 * LIMIT_MS);
    expect((await response).text).toBe('4000000');
    expect(server.stats().counters).toMatchObject({ replied: 1, timedOut: 0 });
  });

  it('does not wait for an app that reads nothing', async () => {
    const { clock, mongrel2 } = await timed();
    const client = mongrel2.connect().request({ body: new Uint8Array(1_000_000) });
    await settled();
    await clock.advanceInTicks(2 * LIMIT_MS);
    expect((await client.response()).status).toBe(504);
  });
});
