import { memoryTransport } from '@m2/core';
import { afterEach, describe, expect, it } from 'vitest';
import { type Pair, RawHandler, startPair, startWithClient, stopPairs } from '../test/support/raw-handler.js';
import { TcpClient } from '../test/support/tcp-client.js';
import { startFront } from './front.js';

afterEach(stopPairs);

describe('bad replies', () => {
  it('hold up what is behind them, and are counted', async () => {
    const { front, handler, client, id } = await startWithClient();
    handler.sendRaw('front-0 9:1, x');
    handler.sendRaw('front-0 0:, x');
    handler.reply(id, 'late');
    const started = performance.now();
    await client.ends('late');
    // Two of them, 100 ms each; the clocks of timers may differ by a little.
    expect(performance.now() - started).toBeGreaterThan(190);
    expect(front.stats).toMatchObject({ badReplies: 2, replies: 1, lostReplies: 0 });
  });

  it('do not hold up the clients of another handler', async () => {
    const { front, handlers } = await startPair({ handlers: [{ path: '/a' }, { path: '/b' }] });
    const [a, b] = handlers as [Pair['handler'], Pair['handler']];
    for (let at = 0; at < 100; at++) a.sendRaw('front-0 0:, x');
    const client = await TcpClient.open(front, 'GET /b HTTP/1.1\r\nHost: x\r\n\r\n');
    b.reply((await b.message(1, 'http')).id, 'quick');
    await client.ends('quick');
    expect(front.stats.badReplies).toBe(1);
  });

  it('swallow the next plain reply when the X flag sticks', async () => {
    const { front, handler, client, id } = await startWithClient();
    handler.sendRaw('front-0 9:X 1, x');
    handler.reply(id, 'swallowed');
    handler.reply(id, 'arrives');
    await client.ends('arrives');
    expect(client.received).toBe('arrives');
    expect(front.stats).toMatchObject({ badReplies: 1, swallowed: 1 });
  });

  it('close their clients when an extended one makes no sense', async () => {
    const { front, handler, client, id } = await startWithClient();
    handler.sendRaw(`front-0 3:X ${id}, 13:3:ctl,4:text,]`);
    expect(await client.end()).toBe('');
    expect(front.stats.badReplies).toBe(1);
  });

  it('lose a reply to more than limits.handler_targets ids', async () => {
    const { front, handler, client, id } = await startWithClient({ settings: { 'limits.handler_targets': 2 } });
    handler.reply([id, id, id], 'lost');
    handler.reply([id, id], 'two');
    await client.ends('twotwo');
    expect(client.received).toBe('twotwo');
    expect(front.stats.badReplies).toBe(1);
  });
});

describe('a handler that is not there', () => {
  it('lets requests wait, and answers 502 when too many do', async () => {
    const transport = memoryTransport();
    const specs = { sendSpec: 'memory://s', recvSpec: 'memory://r', sendIdent: 'late' };
    // Four messages of 20 MB are more than the memory transport keeps.
    const front = await startFront({ transport, handlers: specs, settings: { 'limits.content_length': 20_000_000 } });
    try {
      const post = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n${'x'.repeat(20_000_000)}`;
      const clients = [];
      for (let at = 0; at < 4; at++) clients.push(await TcpClient.open(front, post));
      const first = await Promise.race(clients.map((client) => client.end()));
      expect(first).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
      expect(front.stats).toMatchObject({ undelivered: 1, refused: 1 });
      const handler = await RawHandler.connect(transport, front);
      await handler.count(3);
      await handler.stop();
    } finally {
      await front.close();
    }
  });
});
