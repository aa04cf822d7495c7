import type { Link } from '@m2/core';
import { afterEach, describe, expect, it } from 'vitest';
import { command, handshake, message, RawListener, type RawPeer } from '../test/raw-peer.js';
import { eventually, MemoryLogger, numbered, openLink, Recorder, reply, replyText } from '../test/support.js';
import { zmtpTransport } from './index.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Scene {
  readonly push: RawListener;
  readonly sub: RawListener;
  readonly recorder: Recorder;
  readonly logger: MemoryLogger;
  readonly link: Link;
}

/** A link to a server of which the test says every byte. */
async function scene(more: object = {}): Promise<Scene> {
  const push = await RawListener.listen();
  const sub = await RawListener.listen();
  const recorder = new Recorder();
  const logger = new MemoryLogger();
  const transport = zmtpTransport({ reconnect: { firstMs: 1, longestMs: 5 }, limits: { handshakeMs: 5000 } });
  const link = await openLink(transport, { sendSpec: push.address, recvSpec: sub.address }, recorder, {
    logger,
    lingerMs: 200,
    ...more,
  });
  closers.push(
    () => push.close(),
    () => sub.close(),
    () => link.close(),
  );
  return { push, sub, recorder, logger, link };
}

/** The server subscribes; gives its end of the reply connection. */
async function subscribe({ sub, recorder }: Scene, epoch = 1): Promise<RawPeer> {
  const peer = await sub.peer(epoch);
  peer.write(handshake('SUB'), command('SUBSCRIBE', 'm2-test '));
  await recorder.isUp(epoch);
  return peer;
}

/** The server has greeted the PULL, too. */
async function connected(play: Scene): Promise<{ subscriber: RawPeer; pusher: RawPeer }> {
  const subscriber = await subscribe(play);
  const pusher = await play.push.peer();
  pusher.write(handshake('PUSH'));
  pusher.write(message('first'));
  await play.recorder.has(1);
  return { subscriber, pusher };
}

const replies = (peer: RawPeer): string => peer.after('XPUB');

describe('one incarnation', () => {
  it('connects the PULL only after the subscription was seen', async () => {
    const play = await scene();
    const subscriber = await play.sub.peer();
    subscriber.write(handshake('SUB'));
    await subscriber.until('the handshake is done', () => subscriber.length >= handshake('XPUB').length);
    expect(play.push.peers.length).toBe(0);
    subscriber.write(message('\x01m2-test '));
    await play.recorder.isUp(1);
    await play.push.peer();
    expect(play.recorder.subscription).toBe('m2-test ');
  });

  it('gives no request of a restarted server to the old epoch, however the events of two sockets fall', async () => {
    const play = await scene();
    const subscriber = await subscribe(play);
    const pusher = await play.push.peer();
    // The new server answers the PULL, and what it says comes in the same read, before the end of the old connection is seen.
    pusher.write(handshake('PUSH'), message('of the new server'));
    subscriber.socket.destroy();
    await play.recorder.isDown(1);
    await pusher.isClosed();
    expect(play.recorder.received).toEqual([]);
    await subscribe(play, 2);
  });

  it.each(['subscriber', 'pusher'] as const)('is over for both sockets when the %s is gone', async (which) => {
    const play = await scene();
    const both = await connected(play);
    both[which].socket.destroy();
    await play.recorder.isDown(1);
    await Promise.all([both.subscriber.isClosed(), both.pusher.isClosed()]);
    await subscribe(play, 2);
    expect(play.recorder.log).toEqual(['up 1', 'down 1', 'up 2']);
  });

  it('is over when the server withdraws its subscription, and only then', async () => {
    const play = await scene();
    const { subscriber } = await connected(play);
    subscriber.write(command('CANCEL', 'another '), command('SUBSCRIBE', 'another '), message('\0another '));
    subscriber.write(message('\0m2-test '));
    await play.recorder.isDown(1);
    expect(play.recorder.log).toEqual(['up 1', 'down 1']);
  });

  it('tries the PULL again by itself while the publisher stands', async () => {
    const play = await scene();
    await subscribe(play);
    (await play.push.peer(1)).socket.destroy();
    const second = await play.push.peer(2);
    second.write(Buffer.from('rubbish'));
    const third = await play.push.peer(3);
    third.write(handshake('PUSH'), message('request'));
    await play.recorder.has(1);
    expect(play.recorder.log).toEqual(['up 1']);
    expect(play.sub.peers.length).toBe(1);
  });

  it('keeps the epoch of what was received, and refuses its replies afterwards', async () => {
    const play = await scene();
    const { subscriber } = await connected(play);
    subscriber.socket.destroy();
    const next = await subscribe(play, 2);
    expect(play.recorder.received.map(({ epoch }) => epoch)).toEqual([1]);
    expect([play.link.send(reply(1, 'stale')), play.link.send(reply(2, 'good'))]).toEqual([false, true]);
    await next.until('the reply has come', () => replies(next) !== '');
    expect(replies(next)).toBe(message(replyText('good')).toString('latin1'));
    expect(play.link.counters).toMatchObject({ stale: 1, sent: 1, lost: 0 });
  });

  it('ends at rubbish with a coded error', async () => {
    const play = await scene();
    const { pusher } = await connected(play);
    pusher.write(message('good'), Buffer.from([0xff, 0xff]));
    await play.recorder.isDown(1);
    expect(play.recorder.received.map(({ text }) => text)).toEqual(['first', 'good']);
    expect(play.recorder.causes[0]?.cause).toMatchObject({ code: 'M2_PEER_PROTOCOL' });
  });
});

describe('leaving', () => {
  it('half-closes, hands over all that was on its way, and still sends replies', async () => {
    const play = await scene();
    const { subscriber, pusher } = await connected(play);
    let shut = false;
    const shutdown = play.link.shutdown().then(() => {
      shut = true;
    });
    await pusher.until('the end of the handler was seen', () => pusher.ended);
    pusher.write(...numbered('late', 600).map((text) => message(text)));
    await play.recorder.has(601);
    expect(shut).toBe(false);
    pusher.socket.end(message('last'));
    await shutdown;
    expect(play.recorder.received.at(-1)?.text).toBe('last');
    expect(play.link.send(reply(1, 'answer'))).toBe(true);
    await subscriber.until('the reply has come', () => replies(subscriber) !== '');
    await play.link.close();
    expect(play.recorder.log).toEqual(['up 1']);
    expect(play.logger.of('warn')).toEqual([]);
  });

  it('takes what a server sends that had not even answered the handshake', async () => {
    const play = await scene();
    await subscribe(play);
    const pusher = await play.push.peer();
    pusher.write(handshake('PUSH').subarray(0, 64));
    await pusher.until('READY has come', () => pusher.length >= handshake('PULL').length);
    const shutdown = play.link.shutdown();
    await pusher.until('the end of the handler was seen', () => pusher.ended);
    pusher.socket.end(Buffer.concat([handshake('PUSH').subarray(64), message('m')]));
    await shutdown;
    expect(play.recorder.received.map(({ text }) => text)).toEqual(['m']);
  });

  it('says so when the server breaks off instead of ending its side', async () => {
    const play = await scene();
    const { pusher } = await connected(play);
    const shutdown = play.link.shutdown();
    await pusher.until('the end of the handler was seen', () => pusher.ended);
    pusher.socket.end(message('never complete').subarray(0, 5));
    await shutdown;
    expect(play.logger.of('warn')).toEqual([
      expect.stringContaining('requests may be lost. The connection ended within a message.'),
    ]);
    expect(play.recorder.log).toEqual(['up 1']);
  });

  it('is over at once when the server goes away or the link is closed meanwhile', async () => {
    const gone = await scene();
    const first = await connected(gone);
    const shutdown = gone.link.shutdown();
    first.subscriber.socket.destroy();
    await shutdown;
    expect(gone.recorder.log).toEqual(['up 1', 'down 1']);
    const closed = await scene();
    await connected(closed);
    const both = [closed.link.shutdown(), closed.link.close()];
    await Promise.all(both);
  });

  it('gives up at the end of the linger time, and counts', async () => {
    const play = await scene({ sendQueueBytes: 256 * 1024 * 1024 });
    const { subscriber } = await connected(play);
    subscriber.socket.pause();
    for (let count = 0; count < 64; count++) play.link.send(reply(1, Buffer.alloc(1024 * 1024)));
    await play.link.close();
    const { sent, lost } = play.link.counters;
    expect(lost).toBeGreaterThan(0);
    expect(sent + lost).toBe(64);
    await eventually('both connections are closed', () => play.push.peers.every(({ closed, ended }) => closed || ended));
    expect([play.link.send(reply(1, 'too late')), play.link.counters.lost]).toEqual([false, lost + 1]);
  });
});
