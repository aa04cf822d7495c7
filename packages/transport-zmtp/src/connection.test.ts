import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionLog, type Scene, scene } from '../test/connection-log.js';
import { command, greetingWith, handshake, message } from '../test/raw-peer.js';
import { eventually, numbered } from '../test/support.js';
import type { SocketType } from './commands.js';
import { encodeGreeting } from './greeting.js';
import type { ZmtpLimits } from './limits.js';

const scenes: Scene[] = [];
afterEach(() => {
  for (const { connection, peer } of scenes.splice(0)) {
    connection.destroy();
    peer.socket.destroy();
  }
});

async function open(type: SocketType, limits?: Partial<ZmtpLimits>, identity?: string): Promise<Scene> {
  const play = await scene(type, limits, identity);
  scenes.push(play);
  return play;
}

/** A scene whose handshake is done. */
async function ready(type: SocketType, peerType: string, limits?: Partial<ZmtpLimits>): Promise<Scene> {
  const play = await open(type, limits);
  play.peer.write(handshake(peerType));
  await play.log.hasEvents(1);
  return play;
}

describe('the handshake', () => {
  it('sends greeting and READY, and takes the peer by its type', async () => {
    const { peer, log, connection } = await open('DEALER', {}, 'me');
    peer.write(handshake('ROUTER', 'you'));
    await log.hasEvents(1);
    const expected = handshake('DEALER', 'me');
    await peer.until('greeting and READY have come', () => peer.length >= expected.length);
    expect(peer.received.equals(expected)).toBe(true);
    expect(log.events).toEqual(['ready you']);
    expect([connection.isReady, connection.minor]).toEqual([true, 1]);
  });

  it('is the same when every byte comes by itself, and so is what follows', async () => {
    const { peer, log } = await open('PULL');
    peer.socket.setNoDelay(true);
    for (const byte of Buffer.concat([handshake('PUSH'), message('a'), message('b', true), message('c')])) {
      peer.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await log.hasEvents(3);
    expect(log.events).toEqual(['ready ', 'message a', 'message b|c']);
  });

  it('speaks 3.0 with peers of 3.0', async () => {
    const { peer, log, connection } = await open('SUB');
    peer.write(greetingWith({ 11: 0 }), handshake('PUB').subarray(64));
    await log.hasEvents(1);
    expect(connection.minor).toBe(0);
  });

  it.each([
    ['no ZMTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'M2_PEER_PROTOCOL'],
    ['a message before READY', Buffer.concat([encodeGreeting(), message('x')]), 'M2_PEER_PROTOCOL'],
    ['another command before READY', Buffer.concat([encodeGreeting(), command('PING', '\0\0')]), 'M2_PEER_PROTOCOL'],
    ['malformed metadata', Buffer.concat([encodeGreeting(), command('READY', '\x0bSocket-Type')]), 'M2_PEER_PROTOCOL'],
    ['no socket type', Buffer.concat([encodeGreeting(), command('READY')]), 'M2_PEER_TYPE'],
    ['a type that does not fit', handshake('SUB'), 'M2_PEER_TYPE'],
    ['an ERROR', Buffer.concat([encodeGreeting(), command('ERROR', '\x02no')]), 'M2_PEER_REFUSED'],
    ['a huge READY', Buffer.concat([encodeGreeting(), Buffer.from('\x06\0\0\0\0\0\x01\0\x01', 'latin1')]), 'M2_LIMIT_EXCEEDED'],
  ])('cuts off a peer that sends %s', async (_name, bytes, code) => {
    const { peer, log, connection } = await open('PULL');
    peer.write(bytes);
    await log.hasEvents(1);
    expect(log.events).toEqual([`ended ${code}`]);
    await peer.isClosed();
    expect(connection.isReady).toBe(false);
  });

  it('tells a peer of the wrong type why it is cut off', async () => {
    const { peer, log } = await open('PULL');
    peer.write(handshake('SUB'));
    await log.hasEvents(1);
    await peer.isClosed();
    expect(peer.after('PULL')).toContain('\x05ERROR');
    expect(peer.after('PULL')).toContain('The peer is a SUB socket, and a PULL socket talks to PUSH only.');
  });

  it('cuts off a peer that says nothing, or not enough, in time', async () => {
    for (const bytes of [Buffer.alloc(0), encodeGreeting()]) {
      const { peer, log } = await open('PULL', { handshakeMs: 20 });
      peer.write(bytes);
      await log.hasEvents(1);
      expect(log.events).toEqual(['ended M2_PEER_PROTOCOL']);
      expect(log.cause?.message).toContain('within 20 ms');
      await peer.isClosed();
    }
  });

  it('is not done when the peer leaves early', async () => {
    const { peer, log } = await open('PULL');
    peer.write(encodeGreeting());
    peer.socket.end();
    await log.hasEvents(1);
    expect(log.events).toEqual(['ended M2_LINK_DOWN']);
  });
});

describe('traffic', () => {
  it('hands over the messages of one read together, whole ones only', async () => {
    const { peer, log } = await ready('PULL', 'PUSH');
    const texts = numbered('m', 100);
    peer.write(...texts.map((text) => message(text)), message('first', true));
    await log.hasEvents(101);
    expect(log.batches).toEqual([100]);
    peer.write(message('', true), message('last'), message('next'));
    await log.hasEvents(103);
    expect(log.events.slice(1)).toEqual([...texts.map((text) => `message ${text}`), 'message first||last', 'message next']);
  });

  it('answers each PING with its context, and ignores commands that it does not know', async () => {
    const { peer, log } = await ready('PULL', 'PUSH');
    peer.write(
      command('PING', '\0\x64one'),
      command('PONG'),
      command('NEWS', 'x'),
      command('READY'),
      command('PING', '\0\x64'),
      message('m'),
    );
    await log.hasEvents(2);
    const expected = '\x04\x08\x04PONGone\x04\x05\x04PONG';
    await peer.until('the answers have come', () => peer.after('PULL').length >= expected.length);
    expect(peer.after('PULL')).toBe(expected);
    expect(log.events).toEqual(['ready ', 'message m']);
  });

  it('takes subscriptions as commands and as messages', async () => {
    const { peer, log } = await ready('XPUB', 'SUB');
    peer.write(
      command('SUBSCRIBE', 'a'),
      message('\x01b'),
      message('\x00b'),
      command('CANCEL', 'a'),
      command('SUBSCRIBE'),
      message('\x01'),
    );
    peer.write(message('\x02what else'), message(''), message('\x01x', true), message('y'), message('\x01last'));
    await log.hasEvents(8);
    expect(log.events).toEqual(['ready ', '+a', '+b', '-b', '-a', '+', '+', '+last']);
  });

  it('does not gather answers for a peer that asks and never reads', async () => {
    const { peer, log, connection } = await ready('PULL', 'PUSH');
    peer.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 5000 }, () => command('PING', '\0\0\x000123456789abcde')));
    for (let count = 0; count < 100; count++) peer.socket.write(pings);
    peer.write(message('end'));
    await log.hasEvents(2);
    // 500,000 answers would be 11 MB; the kernel takes some of them.
    expect(connection.outgoing.pendingBytes).toBeLessThan(1024 * 1024 + 5000 * 22 + 64 * 1024);
  });

  it.each([
    ['an ERROR', command('ERROR', '\x04gone'), 'M2_PEER_REFUSED', {}],
    ['flags that ZMTP does not have', Buffer.from([0x10, 0]), 'M2_PEER_PROTOCOL', {}],
    ['a command without a name', Buffer.from([0x04, 0]), 'M2_PEER_PROTOCOL', {}],
    ['a huge length', Buffer.from([0x02, 0xff, 0, 0, 0, 0, 0, 0, 0]), 'M2_LIMIT_EXCEEDED', {}],
    ['too long a frame', message('x'.repeat(101)), 'M2_LIMIT_EXCEEDED', { frameBytes: 100 }],
    [
      'too many frames',
      Buffer.concat([message('', true), message('', true), message('')]),
      'M2_LIMIT_EXCEEDED',
      { messageFrames: 2 },
    ],
    [
      'too long a message',
      Buffer.concat([message('x'.repeat(60), true), message('x'.repeat(60))]),
      'M2_LIMIT_EXCEEDED',
      { messageBytes: 100 },
    ],
  ] as const)('hands over what came before, then cuts off a peer that sends %s', async (_name, bytes, code, limits) => {
    const { peer, log } = await ready('PULL', 'PUSH', limits);
    peer.write(message('good'), bytes);
    await log.hasEvents(3);
    expect(log.events).toEqual(['ready ', 'message good', `ended ${code}`]);
    await peer.isClosed();
  });

  it('cuts off who sends messages to a PUSH, or subscribes to more than 64 KiB', async () => {
    const push = await ready('PUSH', 'PULL');
    push.peer.write(message('x'));
    await push.log.hasEvents(2);
    const pub = await ready('PUB', 'SUB');
    pub.peer.write(message(`\x01${'x'.repeat(64 * 1024)}`));
    await pub.log.hasEvents(2);
    expect([push.log.events[1], pub.log.events[1]]).toEqual(['ended M2_PEER_PROTOCOL', 'ended M2_LIMIT_EXCEEDED']);
  });

  it('lets nothing through once it was destroyed from within a callback', async () => {
    const { peer, log, connection } = await open('PULL');
    log.onReady = () => connection.destroy();
    peer.write(handshake('PUSH'), message('too late'));
    await peer.isClosed();
    expect(log.events).toEqual(['ready ']);
  });
});

describe('holding', () => {
  it('keeps what came with READY until it is released', async () => {
    const { peer, log, connection } = await open('PULL');
    log.onReady = () => connection.hold();
    peer.write(handshake('PUSH'), message('with READY'));
    await log.hasEvents(1);
    peer.write(message('later'));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(log.events).toEqual(['ready ']);
    connection.release();
    await log.hasEvents(3);
    expect(log.events.slice(1)).toEqual(['message with READY', 'message later']);
  });

  it('keeps the end, too', async () => {
    const { peer, log, connection } = await open('PULL');
    log.onReady = () => connection.hold();
    peer.socket.end(Buffer.concat([handshake('PUSH'), message('m')]));
    await log.hasEvents(1);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(log.events).toEqual(['ready ']);
    connection.release();
    await log.hasEvents(3);
    expect(log.events.slice(1)).toEqual(['message m', 'ended in order']);
  });
});

describe('the end', () => {
  it('is in order when the peer ends between messages, and an error within one', async () => {
    const orderly = await ready('PULL', 'PUSH');
    orderly.peer.write(message('m'));
    orderly.peer.socket.end();
    await orderly.log.hasEvents(3);
    expect(orderly.log.events).toEqual(['ready ', 'message m', 'ended in order']);
    for (const bytes of [message('x'.repeat(9)).subarray(0, 5), message('x', true), Buffer.from([0])]) {
      const cut = await ready('PULL', 'PUSH');
      cut.peer.write(message('m'), bytes);
      cut.peer.socket.end();
      await cut.log.hasEvents(3);
      expect(cut.log.events).toEqual(['ready ', 'message m', 'ended M2_LINK_DOWN']);
    }
  });

  it('is an error when the connection breaks', async () => {
    const { peer, log } = await ready('PULL', 'PUSH');
    peer.socket.resetAndDestroy();
    await log.hasEvents(2);
    expect(log.events).toEqual(['ready ', 'ended M2_LINK_DOWN']);
  });

  it('still lets out what was taken for a peer that has ended its side', async () => {
    const { peer, log, connection } = await ready('PUSH', 'PULL');
    peer.socket.pause();
    const texts = numbered('x'.repeat(1024 * 1024), 16);
    for (const text of texts) connection.send('', text);
    connection.outgoing.flush();
    connection.send('', 'in the same tick');
    peer.socket.end();
    await log.hasEvents(2);
    expect(log.events[1]).toBe('ended in order');
    peer.socket.resume();
    await peer.isClosed();
    expect(peer.after('PUSH')).toContain(`${texts.at(-1)}\0\x10in the same tick`);
    await eventually('all is counted', () => log.sent === 17);
  });

  it('comes with all that was on its way when we half-close', async () => {
    const { peer, log, connection } = await ready('PULL', 'PUSH');
    expect(connection.halfClose(5000)).toBe(true);
    await peer.until('our end was seen', () => peer.ended);
    peer.write(...numbered('m', 50).map((text) => message(text)), command('PING', '\0\0'));
    peer.socket.end(message('last'));
    await log.hasEvents(53);
    expect(log.events.slice(-2)).toEqual(['message last', 'ended in order']);
  });

  it('comes with an error when the peer does not end its side after our half-close', async () => {
    const { peer, log, connection } = await ready('PULL', 'PUSH');
    connection.halfClose(30);
    peer.write(message('m'));
    await log.hasEvents(3);
    expect(log.events).toEqual(['ready ', 'message m', 'ended M2_LINK_DOWN']);
    expect(log.cause?.message).toContain('did not end its side within 30 ms');
  });

  it('cannot be half before there was a greeting, or after the end', async () => {
    const { connection } = await open('PULL');
    expect(connection.halfClose(1000)).toBe(false);
    connection.destroy();
    expect(connection.halfClose(1000)).toBe(false);
  });

  it('is waited for by finish(), which flushes first and says nothing to the owner', async () => {
    const { peer, log, connection } = await ready('PUSH', 'PULL');
    for (const text of numbered('m', 100)) connection.send('', text);
    const finished = connection.finish(5000);
    await peer.until('all has come, and our end', () => peer.ended);
    expect(peer.after('PUSH')).toBe(
      numbered('m', 100)
        .map((text) => message(text).toString('latin1'))
        .join(''),
    );
    peer.socket.end();
    await finished;
    expect([connection.socket.destroyed, connection.outgoing.pendingMessages]).toEqual([true, 0]);
    await connection.finish(5000);
    expect(log.events).toEqual(['ready ']);
  });

  it('is forced by finish() when the peer reads nothing, and what could not go out is known', async () => {
    const { peer, connection } = await ready('PUSH', 'PULL');
    peer.socket.pause();
    for (const text of numbered('x'.repeat(1024 * 1024), 16)) connection.send('', text);
    await connection.finish(50);
    expect(connection.socket.destroyed).toBe(true);
    expect(connection.outgoing.pendingMessages).toBeGreaterThan(0);
  });

  it('does not need the peer to end its side once all is with the kernel', async () => {
    const { connection } = await ready('PUSH', 'PULL');
    connection.send('', 'm');
    await connection.finish(60_000);
    expect(connection.socket.destroyed).toBe(true);
  });
});

it('an owner hears nothing of a connection that it destroyed', async () => {
  const { peer, log, connection } = await ready('PULL', 'PUSH');
  connection.destroy();
  connection.destroy();
  await peer.isClosed();
  expect(log).toBeInstanceOf(ConnectionLog);
  expect(log.events).toEqual(['ready ']);
});
