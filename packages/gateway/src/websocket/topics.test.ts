import { eventually, turns } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { frames, recording, sendClose, serveSockets } from '../../test/websocket-harness.js';
import type { Peer, WebSocketHooks } from '../index.js';

const subscribing: WebSocketHooks = { open: (peer) => peer.subscribe('all') };

describe('topics', () => {
  it('a message goes to who subscribed, but for who sent it unless asked', async () => {
    const hooks = recording(subscribing);
    const { open } = await serveSockets(hooks);
    const clients = [await open(), await open(), await open()];
    const [a, b, c] = hooks.peers as [Peer, Peer, Peer];
    c.unsubscribe('all');
    c.unsubscribe('never');
    a.subscribe('all');
    expect([a.publish('all', 'from a'), c.publish('all', 'from c'), a.publish('nobody', 'x')]).toEqual([1, 2, 0]);
    expect(b.publish('all', 'from b', { includeSelf: true })).toBe(2);
    const texts = async (at: number, count: number) =>
      (await frames(clients[at] as (typeof clients)[0], count)).map(({ text }) => text);
    expect(await texts(0, 2)).toEqual(['from c', 'from b']);
    expect(await texts(1, 3)).toEqual(['from a', 'from c', 'from b']);
    await turns(3);
    expect(await texts(2, 0)).toEqual([]);
    expect([...a.topics]).toEqual(['all']);
  });

  it('who subscribes late gets what comes from then on', async () => {
    const { open, sockets } = await serveSockets(subscribing);
    const first = await open();
    expect(sockets.publish('all', '1')).toBe(1);
    const second = await open();
    expect(sockets.publish('all', '2')).toBe(2);
    expect((await frames(first, 2)).map(({ text }) => text)).toEqual(['1', '2']);
    expect((await frames(second, 1)).map(({ text }) => text)).toEqual(['2']);
  });

  it('keep their order with what is sent to one, text and bytes', async () => {
    const hooks = recording(subscribing);
    const { open, sockets } = await serveSockets(hooks);
    const client = await open();
    for (let n = 0; n < 100; n += 2) {
      hooks.peers[0]?.send(`${n}`);
      sockets.publish('all', new TextEncoder().encode(`${n + 1}`));
    }
    expect((await frames(client, 100)).map(({ text }) => text)).toEqual(Array.from({ length: 100 }, (_, n) => `${n}`));
    expect(client.closedBy).toBeUndefined();
  });

  it('a peer that closes or leaves is in none any more', async () => {
    const hooks = recording(subscribing);
    const { open, sockets } = await serveSockets(hooks);
    const [closing, leaving] = [await open(), await open()];
    hooks.peers[1]?.subscribe('another');
    expect(sockets.stats().topics).toBe(2);
    hooks.peers[0]?.close();
    expect(sockets.publish('all', 'x')).toBe(1);
    leaving?.disconnect();
    await eventually(() => hooks.peers[1]?.readyState === 3, 'it has left');
    expect([sockets.publish('all', 'x'), sockets.stats().topics]).toEqual([0, 0]);
    await sendClose(closing as NonNullable<typeof closing>, 1000).closed;
    expect([...sockets.peers]).toEqual([]);
  });

  it('one message to Mongrel2 reaches up to 128 of 10,000 peers', async () => {
    const { open, sockets, mongrel2, server } = await serveSockets(subscribing);
    const clients: Awaited<ReturnType<typeof open>>[] = [];
    for (let n = 0; n < 10_000; n++) clients.push(await open());
    expect(sockets.stats().peers).toBe(10_000);
    const before = mongrel2.counters.replies;
    expect(sockets.publish('all', 'to all \u00e4')).toBe(10_000);
    expect(sockets.publish('all', 'again')).toBe(10_000);
    await eventually(() => clients.every((client) => client.frames.length === 2), 'everyone has both');
    expect(clients.every((client) => client.frames[0]?.text === 'to all \u00e4' && client.frames[1]?.text === 'again')).toBe(
      true,
    );
    expect(mongrel2.counters.replies - before).toBe(2 * Math.ceil(10_000 / 128));
    const stopped = server.stop({ graceMs: 60_000 });
    await eventually(() => clients.every((client) => client.frames.length === 3), 'everyone is told to go');
    for (const client of clients) sendClose(client, 1001);
    expect(await stopped).toEqual({ unfinished: 0 });
    expect(sockets.stats()).toMatchObject({ peers: 0, opened: 10_000, sent: 20_000, silent: 0, violations: 0 });
    expect(mongrel2.counters).toMatchObject({ late: 0, killed: 0, badReplies: 0 });
  }, 60_000);

  it('a peer that does not read gets it when it does, and holds up no other', async () => {
    const hooks = recording(subscribing);
    const { open, sockets } = await serveSockets(hooks, { mongrel2: { flowControl: true, socketBytes: 1000 } });
    const [slow, quick] = [await open(), await open()];
    slow?.slow();
    const big = 'x'.repeat(60_000);
    for (let n = 0; n < 5; n++) sockets.publish('all', `${n}${big}`);
    const all = [0, 1, 2, 3, 4].map((n) => `${n}${big}`);
    expect((await frames(quick as NonNullable<typeof quick>, 5)).map(({ text }) => text)).toEqual(all);
    expect(hooks.peers[0]?.bufferedAmount).toBeGreaterThan(0);
    slow?.resume();
    expect((await frames(slow as NonNullable<typeof slow>, 5)).map(({ text }) => text)).toEqual(all);
  });
});
