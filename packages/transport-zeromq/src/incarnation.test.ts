import type { Link } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { FakeZeromq, zeromqError } from '../test/fake-zeromq.js';
import { eventually, numbered, openLink, Recorder, reply, replyText } from '../test/support.js';
import { zeromqTransport } from './index.js';

const to = { sendSpec: 'tcp://127.0.0.1:9999', recvSpec: 'tcp://127.0.0.1:9998' };

interface Scene {
  readonly zeromq: FakeZeromq;
  readonly recorder: Recorder;
  readonly link: Link;
}

async function scene(): Promise<Scene> {
  const zeromq = new FakeZeromq();
  const recorder = new Recorder();
  const link = await openLink(zeromqTransport({ zeromq: zeromq.module }), to, recorder, { lingerMs: 0 });
  return { zeromq, recorder, link };
}

/** Plays a server that subscribes and is connected to. */
async function connected(): Promise<Scene> {
  const play = await scene();
  play.zeromq.last('xpub').happens('connect', 'handshake');
  play.zeromq.last('xpub').arrives('\x01m2-test ');
  await play.recorder.isUp(1);
  await eventually('there is a PULL', () => play.zeromq.sockets.some(({ kind }) => kind === 'pull'));
  play.zeromq.last('pull').happens('connect', 'handshake');
  play.zeromq.last('pull').arrives('first');
  await play.recorder.has(1);
  return play;
}

const kinds = ({ zeromq }: Scene): string[] => zeromq.sockets.map(({ kind }) => kind);

describe('one incarnation', () => {
  it('connects the PULL only after the subscription was seen', async () => {
    const play = await scene();
    expect(kinds(play)).toEqual(['xpub']);
    expect(play.zeromq.last('xpub').connects).toEqual([to.recvSpec]);
    play.zeromq.last('xpub').happens('connect', 'handshake');
    play.zeromq.last('xpub').arrives('no subscription', '\x01m2-test ');
    await play.recorder.isUp(1);
    expect(kinds(play)).toEqual(['xpub', 'pull']);
    expect(play.zeromq.last('pull').connects).toEqual([to.sendSpec]);
    expect(play.recorder.subscription).toBe('m2-test ');
    await play.link.close();
  });

  it('gives no request of a restarted server to the old epoch, however the events of two sockets fall', async () => {
    const play = await scene();
    const publisher = play.zeromq.last('xpub');
    publisher.happens('connect', 'handshake');
    publisher.arrives('\x01m2-test ');
    await play.recorder.isUp(1);
    const puller = play.zeromq.last('pull');
    // The server was restarted before the PULL got to it; its event happens to be dispatched first.
    puller.arrives('of the new server');
    puller.happens('connect', 'handshake');
    await Promise.resolve();
    publisher.happens('disconnect');
    await play.recorder.isDown(1);
    await eventually('both sockets are closed', () => puller.closed && publisher.closed);
    expect(play.recorder.received).toEqual([]);
    await play.link.close();
  });

  it.each(['xpub', 'pull'] as const)('is over for both sockets when the %s is disconnected', async (kind) => {
    const play = await connected();
    const old = [...play.zeromq.sockets];
    play.zeromq.last(kind).happens('disconnect');
    await play.recorder.isDown(1);
    await eventually('new sockets are made', () => play.zeromq.sockets.length > 2);
    expect(old.map(({ closed, linger }) => [closed, linger])).toEqual([
      [true, 0],
      [true, 0],
    ]);
    expect(kinds(play)).toEqual(['xpub', 'pull', 'xpub']);
    await play.link.close();
  });

  it('is over when the server withdraws its subscription, and only then', async () => {
    const play = await connected();
    play.zeromq.last('xpub').arrives('\x00another ', '\x01another ', '\x00m2-test ');
    await play.recorder.isDown(1);
    expect(play.recorder.log).toEqual(['up 1', 'down 1']);
    await play.link.close();
  });

  it('hands over what the old PULL still has, with the old epoch, after down', async () => {
    const play = await connected();
    play.zeromq.last('xpub').happens('disconnect');
    play.zeromq.last('pull').arrives(...numbered('late', 300));
    await play.recorder.has(301);
    expect(play.recorder.received.every(({ epoch }) => epoch === 1)).toBe(true);
    expect(play.zeromq.last('pull').inbox.left).toBe(0);
    await play.link.close();
  });

  it('tries the PULL again by itself while the publisher stands', async () => {
    const play = await scene();
    play.zeromq.last('xpub').happens('connect', 'handshake');
    play.zeromq.last('xpub').arrives('\x01m2-test ');
    await play.recorder.isUp(1);
    play.zeromq.last('pull').happens('close', 'connect:retry');
    await eventually('there is a second PULL', () => kinds(play).length === 3);
    play.zeromq.last('pull').happens('connect', 'handshake');
    play.zeromq.last('pull').arrives('request');
    await play.recorder.has(1);
    expect(kinds(play)).toEqual(['xpub', 'pull', 'pull']);
    expect(play.recorder.log).toEqual(['up 1']);
    await play.link.close();
    expect(play.zeromq.sockets.every(({ closed }) => closed)).toBe(true);
  });

  it('ends when a socket fails in a way that no closing explains', async () => {
    const play = await connected();
    play.zeromq.last('xpub').refusals.push(zeromqError('EFSM'));
    play.link.send(reply(1, 'x'));
    await play.recorder.isDown(1);
    expect(play.link.counters).toMatchObject({ sent: 0, lost: 1 });
    await play.link.close();
  });
});

describe('leaving', () => {
  it('shuts down with nothing left in the PULL, and still sends replies', async () => {
    const play = await connected();
    play.zeromq.last('pull').arrives(...numbered('waiting', 600));
    await play.link.shutdown();
    expect(play.recorder.received.length).toBe(601);
    expect(play.zeromq.last('pull').inbox.left).toBe(0);
    expect(play.zeromq.last('pull').closed).toBe(true);
    expect(play.zeromq.last('xpub').closed).toBe(false);
    expect(play.link.send(reply(1, 'answer'))).toBe(true);
    await play.link.close();
    expect(play.zeromq.last('xpub').closed).toBe(true);
    expect(play.recorder.log).toEqual(['up 1']);
  });

  it('shuts down although requests never stop coming', async () => {
    const play = await connected();
    const puller = play.zeromq.last('pull');
    const flood = setInterval(() => puller.closed || puller.arrives('more'), 1);
    await play.link.shutdown();
    clearInterval(flood);
    expect(puller.closed).toBe(true);
    expect(puller.inbox.left).toBe(0);
    await play.link.close();
  });

  it('sends what is queued before it closes', async () => {
    const zeromq = new FakeZeromq();
    const recorder = new Recorder();
    const link = await openLink(zeromqTransport({ zeromq: zeromq.module }), to, recorder, { lingerMs: 5000 });
    const publisher = zeromq.last('xpub');
    publisher.happens('connect', 'handshake');
    publisher.arrives('\x01m2-test ');
    await recorder.isUp(1);
    publisher.refusals.push(zeromqError('EAGAIN'), zeromqError('EAGAIN'));
    for (const text of numbered('r', 3)) link.send(reply(1, text));
    await link.close();
    expect(publisher.texts).toEqual(numbered(replyText('r'), 3));
    expect(publisher.linger).toBeGreaterThan(0);
    expect(publisher.linger).toBeLessThanOrEqual(5000);
    expect(link.counters).toMatchObject({ sent: 3, lost: 0 });
    expect(link.send(reply(1, 'too late'))).toBe(false);
    expect(link.counters.lost).toBe(1);
  });

  it('gives up at the end of the linger time, and counts', async () => {
    const play = await connected();
    const publisher = play.zeromq.last('xpub');
    publisher.refusals = Array.from({ length: 100 }, () => zeromqError('EAGAIN'));
    for (const text of numbered('r', 3)) play.link.send(reply(1, text));
    await play.link.close();
    expect(publisher.sent).toEqual([]);
    expect(play.link.counters).toMatchObject({ sent: 0, lost: 3 });
  });
});
