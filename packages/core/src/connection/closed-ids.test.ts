import { describe, expect, it } from 'vitest';
import { collecting, http, settled, start } from '../../test/harness.js';
import { ClosedIds } from './closed-ids.js';

describe('ClosedIds', () => {
  it('remembers the last ones, and no more than a bounded number', () => {
    const closed = new ClosedIds();
    for (let id = 0; id < 100_000; id++) closed.add(id);
    let known = 0;
    for (let id = 0; id < 100_000; id++) if (closed.has(id)) known++;
    expect(known).toBeGreaterThanOrEqual(4096);
    expect(known).toBeLessThanOrEqual(8192);
    expect([closed.has(99_999), closed.has(95_904), closed.has(0)]).toEqual([true, true, false]);
    closed.clear();
    expect(closed.has(99_999)).toBe(false);
  });
});

describe('What comes on a connection after it was closed here', () => {
  it('is counted and not answered: an answer could cut off the one before', async () => {
    const started: string[] = [];
    const { mongrel2, server, replies } = await start(
      http((exchange, request) => {
        started.push(request.path);
        exchange.respond(200, [['Connection', 'close']], new Uint8Array(request.path === '/first' ? 100 : 102_300));
      }),
      { mongrel2: { flowControl: true } },
    );
    const client = mongrel2.connect().request({ path: '/first' }).request({ path: '/second' });
    expect((await client.response()).body).toHaveLength(100);
    expect(await client.closed).toBe('handler');
    expect(started).toEqual(['/first']);
    expect(server.stats().counters).toMatchObject({ received: 2, replied: 1, clientGone: 1 });
    expect(replies).toHaveLength(2);
  });

  it('draws no further replies: parts, frames and socket messages', async () => {
    const handler = collecting();
    const { mongrel2, server, replies, clients } = await start(handler);
    const [upload, websocket, socket] = [mongrel2.connect(), mongrel2.connect(), mongrel2.connect()];
    upload.request({ body: new Uint8Array(50_000) });
    websocket.upgrade();
    socket.socketMessage('@a', '{}');
    await settled();
    handler.clients[0]?.grantCredits(50_000);
    await settled();
    const before = replies.length;
    for (const client of handler.clients) client.close();
    websocket.frame('late');
    socket.socketMessage('@a', '{"late":true}');
    await settled();
    expect(replies).toHaveLength(before + 3);
    expect(clients()).toEqual([]);
    expect(server.stats().counters).toMatchObject({ frames: 1, socketMessages: 2, orphans: 0 });
  });
});
