import { encodeClosePayload } from '@m2/core';
import { eventually, ManualClock, turns } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { closeFrame, frames, recording, sendClose, serveSockets } from '../../test/websocket-harness.js';
import type { Peer } from '../index.js';

const CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];

describe('close, begun by the client (RFC 6455 section 7)', () => {
  it.each(CODES)('7.7: code %i is echoed, and the connection closed', async (code) => {
    const hooks = recording();
    const { open } = await serveSockets(hooks);
    const client = sendClose(await open(), code, 'so long');
    expect(await client.closed).toBe('handler');
    expect(closeFrame(client)).toEqual({ code, reason: '' });
    expect(hooks.events).toEqual(['open', `close ${code} so long, clean`]);
  });

  it('7.3.1: an empty close frame is answered with one, and is 1005 to the app', async () => {
    const hooks = recording();
    const { open } = await serveSockets(hooks);
    const client = sendClose(await open());
    expect(await client.closed).toBe('handler');
    expect(client.frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([[8, 0]]);
    expect(hooks.events).toEqual(['open', 'close 1005, clean']);
  });

  it('7.3.5: a reason of 123 bytes', async () => {
    const hooks = recording();
    const { open } = await serveSockets(hooks);
    await sendClose(await open(), 1000, 'r'.repeat(123)).closed;
    expect(hooks.events.at(-1)).toBe(`close 1000 ${'r'.repeat(123)}, clean`);
  });

  it('7.1.2 to 7.1.4: what comes after it is dropped', async () => {
    const hooks = recording();
    const { open } = await serveSockets(hooks);
    const client = await open();
    sendClose(sendClose(client, 1000), 1001).frame('late').frame('', 0x89);
    expect(await client.closed).toBe('handler');
    await turns(5);
    expect(hooks.events).toEqual(['open', 'close 1000, clean']);
  });

  it('goes away without a word: 1006', async () => {
    const hooks = recording();
    const { open, sockets } = await serveSockets(hooks);
    (await open()).disconnect();
    await eventually(() => hooks.events.length === 2, 'the hook is called');
    expect(hooks.events).toEqual(['open', 'close 1006']);
    expect(sockets.stats()).toMatchObject({ peers: 0, opened: 1, violations: 0, silent: 0 });
  });
});

async function opened(options = {}) {
  const hooks = recording();
  const clock = new ManualClock();
  const running = await serveSockets(hooks, { options: { clock, heartbeatMs: 0, ...options } });
  const client = await running.open();
  return { ...running, hooks, clock, client, peer: hooks.peers[0] as Peer };
}

describe('close, begun by the app', () => {
  it('waits for the answer, drops messages meanwhile, and answers no ping any more', async () => {
    const { client, peer, hooks, sockets, clock } = await opened();
    peer.subscribe('topic');
    peer.close(4001, 'enough');
    expect([peer.readyState, peer.topics.size]).toEqual([2, 0]);
    await frames(client, 1);
    expect(closeFrame(client)).toEqual({ code: 4001, reason: 'enough' });
    client.frame('late').frame('', 0x89).frame('', 0x8b);
    sendClose(client, 4001, 'agreed');
    expect(await client.closed).toBe('handler');
    expect(hooks.events).toEqual(['open', 'close 4001 agreed, clean']);
    expect([peer.readyState, client.frames.length, sockets.stats().ignored, clock.pending]).toEqual([3, 1, 3, 0]);
  });

  it('is without effect when it has begun, or the peer is gone', async () => {
    const { client, peer, hooks, sockets } = await opened();
    peer.close();
    peer.close(4000);
    peer.subscribe('topic');
    expect([peer.send('late'), peer.ping(), peer.publish('topic', 'x')]).toEqual([false, false, 0]);
    await sendClose(client, 1000).closed;
    peer.close();
    peer.terminate();
    peer.unsubscribe('topic');
    expect(peer.send('later')).toBe(false);
    expect(client.frames).toHaveLength(1);
    expect(hooks.events).toEqual(['open', 'close 1000, clean']);
    expect(sockets.stats()).toMatchObject({ unsent: 2, peers: 0 });
  });

  it('cuts off a client that does not answer in time', async () => {
    const { client, peer, hooks, clock, sockets } = await opened({ closeTimeoutMs: 5000 });
    peer.close(1000);
    await frames(client, 1);
    clock.advance(4999);
    await turns(3);
    expect(client.closedBy).toBeUndefined();
    clock.advance(1);
    expect(await client.closed).toBe('cancel');
    expect(hooks.events).toEqual(['open', 'close 1006']);
    expect([sockets.stats().silent, clock.pending]).toEqual([1, 0]);
  });

  it('takes a broken answer for none', async () => {
    const { client, peer, hooks } = await opened();
    peer.close(1000);
    client.frame(Uint8Array.of(1), 0x88);
    expect(await client.closed).toBe('handler');
    expect(hooks.events.at(-1)).toBe('close 1002 a close payload of one byte');
    expect(client.frames).toHaveLength(1);
  });

  it('refuses codes and reasons that cannot be sent, and stays open', async () => {
    const { peer } = await opened();
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5]) {
      expect(() => peer.close(code)).toThrow(expect.objectContaining({ code: 'M2_BAD_REPLY' }));
    }
    expect(() => peer.close(1000, '\u00e4'.repeat(62))).toThrow(expect.objectContaining({ code: 'M2_BAD_REPLY' }));
    expect(peer.readyState).toBe(1);
  });

  it('terminate() cuts off at once', async () => {
    const { client, peer, hooks } = await opened();
    peer.terminate();
    expect(hooks.events).toEqual(['open', 'close 1006']);
    expect(await client.closed).toBe('cancel');
  });

  it('what still comes from a client that is being closed cuts into nothing that it is sent', async () => {
    const hooks = recording();
    const { open, server } = await serveSockets(hooks, { mongrel2: { flowControl: true, socketBytes: 1000 } });
    const client = await open();
    const [peer] = hooks.peers as [Peer];
    client.slow();
    for (let n = 0; n < 5; n++) peer.send(new Uint8Array(60_000).fill(n));
    sendClose(client, 1000);
    await eventually(() => peer.readyState === 2, 'the close frame came');
    client.frame('after its close frame').frame('', 0x89);
    await eventually(() => server.stats().counters.orphans === 2, 'both came');
    client.resume();
    expect(await client.closed).toBe('handler');
    expect(
      client.frames.map(({ opcode, payload }) => [opcode, payload.length, payload.every((byte) => byte === payload[0])]),
    ).toEqual([...Array(5).fill([2, 60_000, true]), [8, 2, false]]);
    expect(hooks.events).toEqual(['open', 'close 1000, clean']);
  });

  it('a client that reads nothing cannot hold up its end', async () => {
    const { client, peer, hooks, clock } = await opened({ closeTimeoutMs: 1000 });
    client.slow();
    for (let n = 0; n < 10; n++) peer.send(new Uint8Array(200_000));
    expect(peer.bufferedAmount).toBeGreaterThan(0);
    sendClose(client, 1000);
    await eventually(() => peer.readyState === 2, 'the close frame came');
    clock.advance(1000);
    await turns(3);
    expect(hooks.events).toEqual(['open', 'close 1000, clean']);
    expect(client.closedBy).toBe('cancel');
    expect(clock.pending).toBe(0);
  });
});

describe('when the server stops', () => {
  it('tells everyone 1001, waits for the answers, and takes no more', async () => {
    const hooks = recording();
    const { open, server, mongrel2, sockets } = await serveSockets(hooks);
    const clients = [await open(), await open()];
    const stopped = server.stop({ graceMs: 60_000 });
    for (const client of clients) {
      await frames(client, 1);
      expect(closeFrame(client)).toEqual({ code: 1001, reason: '' });
    }
    const late = mongrel2.connect().upgrade();
    expect((await late.response()).status).toBe(503);
    for (const client of clients) sendClose(client, 1001);
    expect(await stopped).toEqual({ unfinished: 0 });
    expect(hooks.events).toEqual(['open', 'open', 'close 1001, clean', 'close 1001, clean']);
    expect(sockets.stats()).toMatchObject({ peers: 0, opened: 2, refused: 1, silent: 0 });
  });

  it('gives up on those that do not answer within half the grace time', async () => {
    const clock = new ManualClock();
    const hooks = recording();
    const { open, server } = await serveSockets(hooks, { options: { clock }, connection: { clock } });
    const client = await open();
    const stopped = server.stop({ graceMs: 1000 });
    await frames(client, 1);
    await clock.advanceInTicks(1000);
    expect(await stopped).toEqual({ unfinished: 0 });
    expect(await client.closed).toBe('cancel');
    expect(hooks.events).toEqual(['open', 'close 1006']);
  });

  it('one that is closing already is told nothing more', async () => {
    const { client, peer, hooks, server } = await opened();
    peer.close(4000);
    const stopped = server.stop({ graceMs: 60_000 });
    await frames(client, 1);
    client.frame(encodeClosePayload(4000), 0x88);
    await stopped;
    expect(client.frames).toHaveLength(1);
    expect(hooks.events).toEqual(['open', 'close 4000, clean']);
  });
});
