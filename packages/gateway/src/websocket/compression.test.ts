import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { eventually } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../test/harness.js';
import { closeFrame, echo, frames, recording, serveSockets } from '../../test/websocket-harness.js';
import type { Deflate, Inflated, WebSocketHooks, WebSocketOptions } from '../index.js';
import { nodeDeflate } from '../node/node-deflate.js';

const OFFER = { headers: [['sec-websocket-extensions', 'permessage-deflate; client_max_window_bits']] } as const;
const LONG = 'the same words again and again '.repeat(100);

const pack = (data: string | Uint8Array): Uint8Array =>
  deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
const unpack = (data: Uint8Array): string => inflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).toString();

const serve = (hooks: WebSocketHooks, options: WebSocketOptions = {}) =>
  serveSockets(hooks, { options: { deflate: nodeDeflate(), ...options } });

describe('permessage-deflate (RFC 7692)', () => {
  it('is agreed on when it is offered, and works both ways', async () => {
    const hooks = recording(echo);
    const { mongrel2 } = await serve(hooks);
    const client = mongrel2.connect().upgrade(OFFER);
    expect((await client.response()).header('sec-websocket-extensions')).toBe(
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
    );
    expect(hooks.peers[0]?.extensions).toBe('permessage-deflate');
    client
      .frame(pack(LONG), 0xc1)
      .frame(pack(Buffer.from(LONG)), 0xc2)
      .frame(LONG, 0x81);
    const echoed = await frames(client, 3);
    expect(echoed.map(({ opcode, rsv1 }) => [opcode, rsv1])).toEqual([
      [1, true],
      [2, true],
      [1, true],
    ]);
    for (const { payload } of echoed) {
      expect(payload.length).toBeLessThan(LONG.length / 10);
      expect(unpack(payload)).toBe(LONG);
    }
    expect(hooks.events).toEqual(['open', `message ${LONG}`, `message ${LONG}`, `message ${LONG}`]);
  });

  it('is left out where a message is short, or the app says so', async () => {
    const { open } = await serve({
      open(peer) {
        peer.send('x'.repeat(1023));
        peer.send(LONG, { compress: false });
        peer.send('\u00e4'.repeat(1024));
      },
    });
    const sent = await frames(await open(OFFER), 3);
    expect(sent.map(({ rsv1 }) => rsv1)).toEqual([false, false, true]);
    expect(unpack(sent[2]?.payload ?? new Uint8Array())).toBe('\u00e4'.repeat(1024));
  });

  it('is not agreed on without an offer, or without an implementation', async () => {
    const { open } = await serve(echo);
    const [plain] = await frames((await open()).frame(LONG), 1);
    expect([plain?.rsv1, plain?.text]).toEqual([false, LONG]);
    const { mongrel2 } = await serveSockets(echo);
    expect((await mongrel2.connect().upgrade(OFFER).response()).header('sec-websocket-extensions')).toBeUndefined();
  });

  it('a malformed offer is refused', async () => {
    const { mongrel2 } = await serve(echo);
    const response = await mongrel2
      .connect()
      .upgrade({ headers: [['sec-websocket-extensions', 'a b']] })
      .response();
    expect(response.status).toBe(400);
  });

  it.each([
    ['inflates to more than the limit: a zip bomb', 0xc2, pack(new Uint8Array(5_000_000)), 1009],
    ['inflates to one byte too many', 0xc2, pack(new Uint8Array(10_001)), 1009],
    ['is longer than the limit as it is', 0x82, new Uint8Array(10_001), 1009],
    ['is no DEFLATE', 0xc1, Uint8Array.of(0xff, 0xff, 0xff), 1007],
    ['is no UTF-8 once inflated', 0xc1, pack(Uint8Array.of(0xc0, 0xaf)), 1007],
    ['is a compressed ping', 0xc9, pack(''), 1002],
    ['is a compressed close', 0xc8, new Uint8Array(0), 1002],
    ['has RSV1 and RSV2', 0xe1, pack('x'), 1002],
  ])('a message that %s is a violation', async (_, flags, payload, code) => {
    const { open, sockets } = await serve(echo, { maxPayload: 10_000 });
    const client = (await open(OFFER)).frame(payload, flags);
    expect(await client.closed).toBe('handler');
    expect(closeFrame(client).code).toBe(code);
    expect(sockets.stats()).toMatchObject({ violations: 1, received: 0, peers: 0 });
  });

  it('a message for many is compressed once for each window, and goes plain to those that do not take it', async () => {
    let compressed = 0;
    const deflate: Deflate = nodeDeflate();
    const counting: Deflate = {
      ...deflate,
      deflate(data, bits) {
        compressed++;
        return deflate.deflate(data, bits);
      },
    };
    const { open, sockets } = await serve({ open: (peer) => peer.subscribe('news') }, { deflate: counting });
    const narrow = { headers: [['sec-websocket-extensions', 'permessage-deflate; server_max_window_bits=9']] } as const;
    const clients = [await open(OFFER), await open(), await open(OFFER), await open(narrow)];
    expect(sockets.publish('news', LONG)).toBe(4);
    const got = await Promise.all(clients.map(async (client) => (await frames(client, 1))[0]));
    expect(got.map((frame) => frame?.rsv1)).toEqual([true, false, true, true]);
    expect(got[1]?.text).toBe(LONG);
    for (const at of [0, 2, 3]) expect(unpack(got[at]?.payload ?? new Uint8Array())).toBe(LONG);
    expect(compressed).toBe(2);
    expect(sockets.publish('news', LONG, { compress: false })).toBe(4);
    expect((await frames(clients[0] as (typeof clients)[0], 2))[1]?.rsv1).toBe(false);
    expect(compressed).toBe(2);
  });
});

/** A Deflate whose inflating the test ends. */
function slowDeflate(): Deflate & { readonly pending: ((result: Inflated) => void)[] } {
  const pending: ((result: Inflated) => void)[] = [];
  return {
    pending,
    minWindowBits: 8,
    deflate: () => undefined,
    inflate() {
      const { promise, resolve } = deferred<Inflated>();
      pending.push(resolve);
      return promise;
    },
  };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('messages that are inflated on a thread', () => {
  it('keep their order with all that comes after, close included', async () => {
    const deflate = slowDeflate();
    const hooks = recording();
    const { open } = await serve(hooks, { deflate });
    const client = await open(OFFER);
    client.frame('1').frame('x', 0xc1).frame('3').frame('x', 0xc1).frame('5').frame(Uint8Array.of(3, 232), 0x88);
    await eventually(() => deflate.pending.length === 1, 'the first is being inflated');
    expect(hooks.events).toEqual(['open', 'message 1']);
    deflate.pending[0]?.(bytes('2'));
    await eventually(() => deflate.pending.length === 2, 'the second is being inflated');
    expect(hooks.events).toEqual(['open', 'message 1', 'message 2', 'message 3']);
    deflate.pending[1]?.(bytes('4'));
    expect(await client.closed).toBe('handler');
    expect(hooks.events.slice(4)).toEqual(['message 4', 'message 5', 'close 1000, clean']);
  });

  it('are dropped when the peer closes meanwhile, and nothing comes after the close hook', async () => {
    const deflate = slowDeflate();
    const hooks = recording();
    const { open, sockets } = await serve(hooks, { deflate });
    const client = (await open(OFFER)).frame('x', 0xc1).frame('after');
    await eventually(() => deflate.pending.length === 1, 'it is being inflated');
    hooks.peers[0]?.terminate();
    deflate.pending[0]?.(bytes('too late'));
    await client.closed;
    expect(hooks.events).toEqual(['open', 'close 1006']);
    expect(sockets.stats()).toMatchObject({ received: 0, ignored: 1, peers: 0 });
  });

  it('may not hold up more than maxQueuedBytes: 1013', async () => {
    const deflate = slowDeflate();
    const hooks = recording();
    const { open, sockets } = await serve(hooks, { deflate, maxQueuedBytes: 100_000 });
    const client = (await open(OFFER)).frame('x', 0xc1);
    for (let n = 0; n < 11; n++) client.frame(new Uint8Array(10_000), 0x82);
    expect(await client.closed).toBe('handler');
    expect(closeFrame(client).code).toBe(1013);
    expect(hooks.events.at(-1)).toBe('close 1013 more messages than can be kept while one is inflated');
    deflate.pending[0]?.(bytes('too late'));
    expect(sockets.stats()).toMatchObject({ received: 0, violations: 1 });
  });

  it('what was handed over counts no more', async () => {
    const deflate = slowDeflate();
    const hooks = recording();
    const { open, sockets } = await serve(hooks, { deflate, maxQueuedBytes: 100_000 });
    const client = await open(OFFER);
    for (let round = 1; round <= 3; round++) {
      client.frame('x', 0xc1);
      for (let n = 0; n < 6; n++) client.frame('y'.repeat(10_000));
      await eventually(() => deflate.pending.length === round, 'it is being inflated');
      deflate.pending[round - 1]?.(bytes(`round ${round}`));
      await eventually(() => sockets.stats().received === round * 7, 'all were handed over');
    }
    expect(sockets.stats()).toMatchObject({ violations: 0, peers: 1 });
  });

  it('an implementation that fails is as one that finds no DEFLATE', async () => {
    const deflate: Deflate = { minWindowBits: 8, deflate: () => undefined, inflate: () => Promise.reject(new Error('broken')) };
    const { open } = await serve(echo, { deflate });
    const client = (await open(OFFER)).frame('x', 0xc1);
    expect(await client.closed).toBe('handler');
    expect(closeFrame(client).code).toBe(1007);
  });
});
