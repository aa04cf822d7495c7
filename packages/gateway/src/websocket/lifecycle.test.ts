import { M2Error } from '@m2/core';
import { eventually, ManualClock, turns } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { closeFrame, echo, frames, recording, sendClose, serveSockets } from '../../test/websocket-harness.js';
import type { Peer, WebSocketHooks } from '../index.js';

const fail = (): never => {
  throw new Error('the hook broke');
};
const reject = async (): Promise<never> => fail();

describe('hooks that fail', () => {
  it.each<[string, WebSocketHooks]>([
    ['open', { open: fail }],
    ['open, later,', { open: reject }],
    ['message', { message: fail }],
    ['message, later,', { message: reject }],
  ])('%s: logged, the peer closed with 1011, the others go on', async (name, broken) => {
    const { open, lines, sockets } = await serveSockets({
      ...echo,
      ...Object.fromEntries(
        Object.entries(broken).map(([hook, call]) => [
          hook,
          (peer: Peer, message: never) =>
            peer.request.url.endsWith('/broken') ? (call as () => unknown)() : echo.message?.(peer, message),
        ]),
      ),
      ...(name.startsWith('open')
        ? { open: (peer: Peer) => (peer.request.url.endsWith('/broken') ? broken.open?.(peer) : undefined) }
        : {}),
    });
    const [bad, good] = [await open({ path: '/broken' }), await open()];
    bad?.frame('x');
    await eventually(() => bad?.frames.at(-1)?.opcode === 8, 'it is closed');
    expect(closeFrame(bad as NonNullable<typeof bad>).code).toBe(1011);
    const [echoed] = await frames((good as NonNullable<typeof good>).frame('still here'), 1);
    expect(echoed?.text).toBe('still here');
    expect(lines).toMatchObject([{ level: 'error', error: { message: 'the hook broke' } }]);
    expect(sockets.stats().hookErrors).toBe(1);
  });

  it('go to the hook error instead, if there is one', async () => {
    const seen: unknown[] = [];
    const { open, lines } = await serveSockets({ message: fail, close: fail, error: (_, error) => void seen.push(error) });
    const client = (await open()).frame('x');
    await frames(client, 1);
    await sendClose(client, 1011).closed;
    expect(seen).toMatchObject([{ message: 'the hook broke' }, { message: 'the hook broke' }]);
    expect(lines).toEqual([]);
  });

  it('error itself is only logged', async () => {
    for (const error of [fail, reject]) {
      const { open, lines, sockets } = await serveSockets({ message: fail, error });
      await frames((await open()).frame('x'), 1);
      await eventually(() => lines.length === 1, 'it is logged');
      expect(lines[0]?.message).toBe('The WebSocket hook error failed.');
      expect(sockets.stats().hookErrors).toBe(2);
    }
  });

  it('a violation is an M2Error to the hook error', async () => {
    const seen: unknown[] = [];
    const { open } = await serveSockets({ error: (_, error) => void seen.push(error) });
    await (await open()).frame('', 0x83).closed;
    expect(seen).toEqual([expect.any(M2Error)]);
    expect(seen[0]).toMatchObject({ code: 'M2_WEBSOCKET_FAILED', details: { closeCode: 1002, peer: 'scripted/1/1' } });
  });
});

describe('back-pressure', () => {
  it('send() returns false when too much waits, and drain comes once there is room', async () => {
    const hooks = recording();
    const { open } = await serveSockets(hooks, { mongrel2: { flowControl: true, socketBytes: 1000 } });
    const client = await open();
    const [peer] = hooks.peers as [Peer];
    client.slow();
    let sent = 1;
    while (peer.send(new Uint8Array(50_000))) sent++;
    expect(sent).toBeGreaterThan(2);
    expect([peer.send('more'), peer.bufferedAmount > 128 * 1024]).toEqual([false, true]);
    await turns(5);
    expect(hooks.events).toEqual(['open']);
    client.resume();
    await frames(client, sent + 1);
    await eventually(() => hooks.events.includes('drain'), 'drain is called');
    expect(hooks.events).toEqual(['open', 'drain']);
    expect([peer.send('on'), peer.bufferedAmount]).toEqual([true, 0]);
  });

  it('a client that takes nothing is cut off at clientQueueBytes: close comes once, with 1006', async () => {
    const hooks = recording();
    const { open, lines } = await serveSockets(hooks, { connection: { clientQueueBytes: 1_000_000 } });
    const client = await open();
    const [peer] = hooks.peers as [Peer];
    client.slow();
    for (let n = 0; n < 100; n++) peer.send(new Uint8Array(100_000));
    expect(hooks.events).toEqual(['open', 'close 1006']);
    expect(await client.closed).toBe('cancel');
    expect(lines.map(({ message }) => message)).toEqual([expect.stringContaining('bytes waiting; it is closed')]);
    await turns(5);
    expect(hooks.events).toEqual(['open', 'close 1006']);
  });
});

describe('Mongrel2 goes away', () => {
  it.each(['restart', 'stop', 'kill'] as const)('%s: every peer hears 1006, once', async (how) => {
    const hooks = recording({ open: (peer) => peer.subscribe('all') });
    const { open, mongrel2, sockets, server } = await serveSockets(hooks);
    await open();
    await open();
    await mongrel2[how]();
    await eventually(() => sockets.stats().peers === 0, 'they are gone');
    await turns(5);
    expect(hooks.events).toEqual(['open', 'open', 'close 1006', 'close 1006']);
    expect([hooks.peers[0]?.send('x'), sockets.publish('all', 'x'), hooks.peers[0]?.readyState]).toEqual([false, 0, 3]);
    if (how !== 'restart') return;
    await server.ready;
    await eventually(() => server.stats().links[0]?.up === true, 'it is back');
    const again = await open();
    expect(hooks.peers.map(({ id }) => id)).toEqual(['scripted/1/1', 'scripted/1/2', 'scripted/2/1']);
    expect(sockets.publish('all', 'new')).toBe(1);
    expect((await frames(again, 1))[0]?.text).toBe('new');
  });
});

describe('heartbeat', () => {
  it('pings quiet clients, many in one message, and cuts off those that do not answer', async () => {
    const clock = new ManualClock();
    const hooks = recording(echo);
    const { open, sockets, mongrel2 } = await serveSockets(hooks, { options: { clock, heartbeatMs: 30_000 } });
    const [silent, answering, talking] = [await open(), await open(), await open()] as const;
    clock.advance(30_000);
    talking.frame('x');
    await frames(talking, 1);
    const before = mongrel2.counters.replies;
    clock.advance(30_000);
    await frames(silent, 1);
    await frames(answering, 1);
    expect(silent.frames[0]).toMatchObject({ opcode: 9, text: '' });
    expect([mongrel2.counters.replies - before, talking.frames.length]).toEqual([1, 1]);
    answering.frame('', 0x8a);
    talking.frame('y');
    await frames(talking, 2);
    clock.advance(30_000);
    expect(await silent.closed).toBe('cancel');
    expect(hooks.events.at(-1)).toBe('close 1006');
    expect(sockets.stats()).toMatchObject({ peers: 2, silent: 1, violations: 0 });
    answering.disconnect();
    talking.disconnect();
    await eventually(() => sockets.stats().peers === 0, 'all have left');
    clock.advance(30_000);
    expect(clock.pending).toBe(0);
  });

  it('does not ask a client that has much to read yet', async () => {
    const clock = new ManualClock();
    const hooks = recording();
    const { open, sockets } = await serveSockets(hooks, {
      options: { clock, heartbeatMs: 1000 },
      mongrel2: { flowControl: true, socketBytes: 1000 },
    });
    const client = await open();
    client.slow();
    for (let n = 0; n < 5; n++) hooks.peers[0]?.send(new Uint8Array(60_000));
    for (let n = 0; n < 10; n++) clock.advance(1000);
    expect(hooks.events).toEqual(['open']);
    client.resume();
    await frames(client, 5);
    clock.advance(1000);
    expect((await frames(client, 6))[5]?.opcode).toBe(9);
    client.frame('', 0x8a).frame('alive');
    await eventually(() => hooks.events.includes('message alive'), 'it answered');
    clock.advance(1000);
    expect(sockets.stats()).toMatchObject({ peers: 1, silent: 0 });
  });

  it('0 turns it off', async () => {
    const clock = new ManualClock();
    const { open } = await serveSockets({}, { options: { clock, heartbeatMs: 0 } });
    await open();
    expect(clock.pending).toBe(0);
  });
});
