import { describe, expect, it } from 'vitest';
import { collecting, echoPath, http, settled, start } from '../../test/harness.js';
import { M2Error } from '../errors.js';
import type { HttpExchange } from '../http/exchange.js';
import { eventually, ManualClock, type ScriptedClient } from '../testing/index.js';
import type { ServerReply } from '../wire/server-side.js';
import { SendWindow } from './send-window.js';

const dataSizes = (replies: readonly (ServerReply | M2Error)[]) =>
  replies.flatMap((reply) => (!(reply instanceof M2Error) && reply.kind === 'data' ? [reply.data.length] : []));

/** Streams `count` pieces, waiting when it is told to. */
async function stream(exchange: HttpExchange, count: number, piece: string | Uint8Array) {
  exchange.start(200, []);
  for (let n = 0; n < count && !exchange.ended; n++) {
    if (!exchange.write(piece)) await exchange.drained();
  }
  exchange.end();
}

/** Makes the server's mode known by enough connections that were answered. */
async function learn(connect: () => ScriptedClient) {
  for (let n = 0; n < 18; n++) {
    const client = connect().request();
    await client.response();
    client.disconnect();
  }
}

describe('The 16-message rule, without flow control', () => {
  it('answers all of 40 requests pipelined in one burst', async () => {
    const { mongrel2, server } = await start(echoPath);
    const client = mongrel2.connect();
    for (let n = 0; n < 40; n++) client.request({ path: `/${n}` });
    for (let n = 0; n < 40; n++) expect((await client.response()).text).toBe(`/${n}`);
    expect(client.mostQueued).toBeLessThanOrEqual(8);
    expect(server.stats().counters).toMatchObject({ received: 40, replied: 40 });
  });

  it('brings 100 writes of one tick to the client in few messages', async () => {
    const { mongrel2 } = await start(
      http((exchange) => {
        exchange.start(200, []);
        for (let n = 0; n < 100; n++) exchange.write(`${n},`);
        exchange.end();
      }),
    );
    const client = mongrel2.connect().request();
    expect((await client.response()).text).toBe(Array.from({ length: 100 }, (_, n) => `${n},`).join(''));
    expect(client.writes).toBeLessThanOrEqual(3);
  });

  it('brings 100 raw sends of one tick to the client', async () => {
    const handler = collecting();
    const { mongrel2 } = await start(handler, { mongrel2: { rawPayload: true } });
    const client = mongrel2.connect().socketMessage('@a', '{}');
    await settled();
    for (let n = 0; n < 100; n++) handler.clients[0]?.send('x');
    await eventually(() => client.received.length === 100, 'all of it came');
  });

  it('brings a stream of 1,000 writes, one each tick, whole to a fast client', async () => {
    const { mongrel2 } = await start(
      http(async (exchange) => {
        exchange.start(200, []);
        for (let n = 0; n < 1000; n++) {
          if (!exchange.write(`${n}\n`)) await exchange.drained();
          await new Promise((resolve) => setImmediate(resolve));
        }
        exchange.end();
      }),
    );
    const { text } = await mongrel2.connect().request().response();
    expect(text.split('\n')).toHaveLength(1001);
  });

  it('outlasts a server that writes one message each 2 ms, by its own pace', async () => {
    const clock = new ManualClock();
    const { mongrel2 } = await start(
      http((exchange) => stream(exchange, 500, 'x'.repeat(1000))),
      { mongrel2: { messagesPerTurn: 1, writeEveryMs: 2 }, connection: { clock } },
    );
    const client = mongrel2.connect().request();
    for (let n = 0; n < 500 && client.received.length < 500_000; n++) await clock.advanceInTicks(4);
    expect((await client.response()).body).toHaveLength(500_000);
    expect(client.mostQueued).toBeLessThan(16);
  });

  it('sends few and growing messages once the mode is known to be off', async () => {
    const chunk = new Uint8Array(64 * 1024);
    const { mongrel2, server, replies } = await start(
      http((exchange, request) => (request.path === '/large' ? stream(exchange, 320, chunk) : exchange.respond(200, []))),
    );
    expect(server.stats().links[0]?.flowControl).toBe('unknown');
    await learn(() => mongrel2.connect());
    expect(server.stats().links[0]?.flowControl).toBe('off');
    const before = replies.length;
    const { body } = await mongrel2.connect().request({ path: '/large' }).response();
    expect(body).toHaveLength(320 * 64 * 1024);
    const sizes = dataSizes(replies.slice(before));
    expect(sizes.length).toBeLessThan(40);
    expect(Math.max(...sizes)).toBeGreaterThan(1024 * 1024);
  });

  it('sends a large whole response as one message when it may, and in pieces that fit the send queue when not', async () => {
    const body = new Uint8Array(3_000_000).fill(7);
    for (const [sendQueueBytes, largest] of [
      [64 << 20, 3_000_300],
      [4 << 20, 1 << 20],
    ] as const) {
      const { mongrel2, replies, server } = await start(
        http((exchange, request) => exchange.respond(200, [], request.path === '/large' ? body : '')),
        { connection: { sendQueueBytes, flowControl: 'off' } },
      );
      const clients = Array.from({ length: 4 }, () => mongrel2.connect().request({ path: '/large' }));
      for (const client of clients) expect((await client.response()).body.every((byte) => byte === 7)).toBe(true);
      expect(Math.max(...dataSizes(replies))).toBeLessThanOrEqual(largest);
      expect(server.stats().links[0]).toMatchObject({ overflowed: 0, lost: 0 });
    }
  });
});

describe('Flow control', () => {
  const flow = { mongrel2: { flowControl: true } };

  it('sees it at the first request, and keeps to the window with a body of 10 MB', async () => {
    const chunk = new Uint8Array(10_000).fill(1);
    const { mongrel2, server, replies } = await start(
      http((exchange) => stream(exchange, 1000, chunk)),
      flow,
    );
    const client = mongrel2.connect().request();
    expect((await client.response()).body).toHaveLength(10_000_000);
    expect(server.stats().links[0]?.flowControl).toBe('on');
    expect(Math.max(...dataSizes(replies))).toBeLessThanOrEqual(102_400);
    expect(mongrel2.counters.killed).toBe(0);
  });

  it('sends a whole response over the window in pieces, and keeps count across keep-alive', async () => {
    const { mongrel2, clients } = await start(
      http((exchange) => exchange.respond(200, [], new Uint8Array(90_000))),
      flow,
    );
    const client = mongrel2.connect();
    for (let n = 0; n < 5; n++) client.request();
    for (let n = 0; n < 5; n++) expect((await client.response()).body).toHaveLength(90_000);
    await eventually(() => clients().length === 0, 'every byte is acknowledged and the record forgotten');
    expect((await client.request().response()).body).toHaveLength(90_000);
    expect(client.closedBy).toBeUndefined();
  });

  it('takes 40 messages in a burst', async () => {
    const { mongrel2 } = await start(echoPath, flow);
    const client = mongrel2.connect();
    for (let n = 0; n < 40; n++) client.request({ path: `/${n}` });
    for (let n = 0; n < 40; n++) expect((await client.response()).text).toBe(`/${n}`);
  });

  it('holds back an app whose client reads slowly, in bounded memory, and goes on when it reads', async () => {
    let written = 0;
    const { mongrel2, clients } = await start(
      http(async (exchange) => {
        exchange.start(200, []);
        const chunk = new Uint8Array(20_000);
        for (let n = 0; n < 200; n++) {
          written += chunk.length;
          if (!exchange.write(chunk)) await exchange.drained();
        }
        exchange.end();
      }),
      flow,
    );
    const client = mongrel2.connect();
    client.slow();
    client.request();
    await settled();
    await settled();
    const [record] = clients();
    expect(record?.bufferedAmount).toBeGreaterThan(0);
    expect(record?.bufferedAmount).toBeLessThan(200_000);
    expect(written).toBeLessThan(1_000_000);
    client.resume();
    expect((await client.response()).body).toHaveLength(4_000_000);
    expect(client.closedBy).toBeUndefined();
  });

  it('learns from a credits notice when the first request went to another handler', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler);
    mongrel2.connect().request();
    await settled();
    expect(server.stats().links[0]?.flowControl).toBe('unknown');
    mongrel2.sendRaw(
      new TextEncoder().encode('scripted 1 @* 40:16:DOWNLOAD_CREDITS,1:5,6:METHOD,4:JSON,}18:{"type":"credits"},'),
    );
    await settled();
    expect(server.stats().links[0]?.flowControl).toBe('on');
    handler.exchanges[0]?.respond(200, []);
  });

  it('stays within the window while it does not know, and takes it as off when no notice follows', async () => {
    // A fresh connection's first request may have gone to another handler: one without DOWNLOAD_CREDITS proves nothing.
    const clock = new ManualClock();
    const { mongrel2, replies, server } = await start(
      http((exchange) => exchange.respond(200, [], new Uint8Array(500_000))),
      { mongrel2: { flowControl: false }, connection: { clock } },
    );
    const client = mongrel2.connect().request();
    await settled();
    clock.advance(200);
    await settled();
    expect(dataSizes(replies)).toEqual([25_600, 25_600, 25_600, 25_600]);
    expect(server.stats().links[0]?.flowControl).toBe('unknown');
    clock.advance(100);
    expect((await client.response()).body).toHaveLength(500_000);
    expect(server.stats().links[0]?.flowControl).toBe('off');
  });

  it('goes on within the window when a notice follows', async () => {
    const clock = new ManualClock();
    const { mongrel2, replies, server } = await start(
      http((exchange) => exchange.respond(200, [], new Uint8Array(500_000))),
      { mongrel2: { flowControl: false }, connection: { clock } },
    );
    mongrel2.connect().request();
    await settled();
    const notice = 'scripted 1 @* 44:16:DOWNLOAD_CREDITS,5:25600,6:METHOD,4:JSON,}18:{"type":"credits"},';
    mongrel2.sendRaw(new TextEncoder().encode(notice));
    await settled();
    clock.advance(1000);
    await settled();
    expect(dataSizes(replies)).toEqual([25_600, 102_400]);
    expect(server.stats().links[0]?.flowControl).toBe('on');
  });

  it('finds out anew after a restart', async () => {
    const { mongrel2, server } = await start(echoPath, flow);
    await mongrel2.connect().request().response();
    await mongrel2.restart();
    await settled();
    expect(server.stats().links[0]?.flowControl).toBe('unknown');
    const fixed = await start(echoPath, { ...flow, connection: { flowControl: 'on' } });
    await fixed.mongrel2.restart();
    await settled();
    expect(fixed.server.stats().links[0]?.flowControl).toBe('on');
  });

  it('drops a client for which too much waits, and says why', async () => {
    const { mongrel2, server, lines } = await start(
      http((exchange) => {
        exchange.start(200, []);
        for (let n = 0; n < 100; n++) exchange.write(new Uint8Array(10_000));
        exchange.end();
      }),
      { ...flow, connection: { clientQueueBytes: 300_000 } },
    );
    const client = mongrel2.connect();
    client.slow();
    client.request();
    expect(await client.closed).toBe('cancel');
    expect(server.stats().counters).toMatchObject({ clientGone: 1, replied: 0 });
    expect(lines.some((line) => line.message.includes('clientQueueBytes'))).toBe(true);
  });
});

describe('A full send queue', () => {
  it('holds every client back, and wakes each of them', async () => {
    const handler = collecting();
    const { mongrel2, server } = await start(handler, {
      connection: { sendQueueBytes: 400_000, flowControl: 'on' },
      mongrel2: { flowControl: true },
    });
    const clients = Array.from({ length: 20 }, () => mongrel2.connect().request());
    await settled();
    await Promise.all(handler.exchanges.map((exchange) => stream(exchange, 30, new Uint8Array(10_000))));
    for (const client of clients) expect((await client.response()).body).toHaveLength(300_000);
    expect(server.stats().links[0]).toMatchObject({ overflowed: 0 });
  });
});

describe('SendWindow', () => {
  it('proves the oldest messages first, by count and by bytes', () => {
    const window = new SendWindow();
    expect([window.charge('off', 10), window.charge('off', 20), window.charge('off', 300_000)]).toEqual([true, false, false]);
    expect(window.prove(2, 1000)).toBe(true);
    expect(window.prove(2, 200_000)).toBe(true);
    expect(window.prove(2, 200_000)).toBe(false);
    expect(window.atRest('off')).toBe(true);
  });

  it('takes 8 messages at most, until some are proven', () => {
    const window = new SendWindow();
    for (let n = 0; n < 8; n++) {
      expect(window.fits('off', 10)).toBe(true);
      window.charge('off', 10);
    }
    expect([window.fits('off', 10), window.room('off')]).toEqual([false, 0]);
    window.prove(2, 1000);
    expect(window.fits('off', 10)).toBe(true);
  });

  it('never counts more than the window as free, whatever notices say', () => {
    const window = new SendWindow();
    window.charge('on', 100);
    window.credit(1_000_000);
    expect(window.room('on')).toBe(102_400);
    window.charge('on', 102_400);
    expect([window.room('on'), window.fits('on', 1)]).toEqual([0, false]);
  });
});
