import { M2Error, type PeerLink } from '@m2/core';
import { afterEach, describe, expect, it } from 'vitest';
import { Collector, MemoryLogger, numbered, openLink, Recorder, reply, replyText } from '../test/support.js';
import { zmtpTransport } from './index.js';

const transport = zmtpTransport();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const anywhere = { sendSpec: 'tcp://127.0.0.1:*', recvSpec: 'tcp://127.0.0.1:0', recvIdent: 'm2-test ' };
const bytes = (text: string) => new TextEncoder().encode(text);

async function bind(collector = new Collector(), spec = {}): Promise<PeerLink> {
  const peer = await transport.bind({ ...anywhere, ...spec }, collector);
  closers.push(() => peer.close());
  return peer;
}

describe('a peer link', () => {
  it('tells the ports that it was given, and subscribes to its recv_ident', async () => {
    const collector = new Collector();
    const peer = await bind(collector);
    expect(peer.sendSpec).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/);
    expect(peer.recvSpec).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/);
    const recorder = new Recorder();
    const link = await openLink(transport, peer, recorder);
    closers.push(() => link.close());
    await recorder.isUp(1);
    expect(recorder.subscription).toBe('m2-test ');
    link.send({ epoch: 1, head: 'of another ', data: 'server' });
    for (const text of numbered('r', 500)) link.send(reply(1, text));
    await collector.has(500);
    expect(collector.texts).toEqual(numbered(replyText('r'), 500));
  });

  it('keeps 1,000 messages while nobody is connected, takes no more, and sends them in order', async () => {
    const peer = await bind();
    const taken = numbered('q', 1500).filter((text) => peer.send(bytes(text)));
    expect(taken).toEqual(numbered('q', taken.length));
    expect(taken.length).toBe(1000);
    const recorder = new Recorder();
    const link = await openLink(transport, peer, recorder);
    closers.push(() => link.close());
    await recorder.has(taken.length);
    expect(recorder.received.map(({ text }) => text)).toEqual(taken);
    expect(peer.send(bytes('more'))).toBe(true);
    await recorder.has(taken.length + 1);
  });

  it('bounds the bytes that wait, too', async () => {
    const peer = await bind();
    const big = new Uint8Array(40 * 1024 * 1024);
    expect([peer.send(big), peer.send(big), peer.send(bytes('small'))]).toEqual([true, false, true]);
  });

  it('deals messages to its handlers in turn', async () => {
    const peer = await bind();
    const recorders = [new Recorder(), new Recorder()];
    for (const recorder of recorders) {
      const link = await openLink(transport, peer, recorder);
      closers.push(() => link.close());
    }
    await Promise.all(recorders.map((recorder) => recorder.isUp(1)));
    let sent = 0;
    // Until both are connected, all goes to one of them.
    while (recorders.some((recorder) => recorder.received.length === 0)) {
      peer.send(bytes(`q${sent++}`));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const counts = () => recorders.map((recorder) => recorder.received.length);
    const total = () => counts().reduce((sum, count) => sum + count, 0);
    while (total() < sent) await new Promise((resolve) => setImmediate(resolve));
    const before = counts();
    for (let at = 0; at < 100; at++) peer.send(bytes('round'));
    while (total() < sent + 100) await new Promise((resolve) => setImmediate(resolve));
    expect(counts().map((count, at) => count - (before[at] ?? 0))).toEqual([50, 50]);
  });

  it('can be bound again at its addresses as soon as it is closed', async () => {
    const first = await bind();
    const recorder = new Recorder();
    const link = await openLink(transport, first, recorder);
    closers.push(() => link.close());
    for (let epoch = 1; epoch <= 3; epoch++) {
      const peer: PeerLink =
        epoch === 1 ? first : await bind(new Collector(), { sendSpec: first.sendSpec, recvSpec: first.recvSpec });
      await recorder.isUp(epoch);
      const closing = peer.close();
      expect(peer.close()).toBe(closing);
      expect(peer.send(bytes('late'))).toBe(false);
      await closing;
    }
    await recorder.isDown(3);
  });

  it('closes with messages that wait for a handler', async () => {
    const peer = await bind();
    for (const text of numbered('q', 10)) peer.send(bytes(text));
    await peer.close();
  });

  it('says which address could not be bound, and keeps no socket of the other', async () => {
    const first = await bind();
    const failure = await transport
      .bind({ ...anywhere, recvSpec: first.recvSpec }, new Collector())
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'M2_SOCKET_FAILED' });
    expect((failure as M2Error).message).toContain(first.recvSpec);
    expect((failure as M2Error).message).toContain('has the address');
    const bad = await transport.bind({ ...anywhere, sendSpec: 'nonsense' }, new Collector()).catch((error: unknown) => error);
    expect(M2Error.is(bad) && bad.code).toBe('M2_SPEC_INVALID');
  });

  it('survives a receiver that throws', async () => {
    const logger = new MemoryLogger();
    const collector = new Collector();
    collector.replies = () => {
      throw new Error('a bug of the receiver');
    };
    const peer = await bind(collector, { logger });
    const recorder = new Recorder();
    const link = await openLink(transport, peer, recorder);
    closers.push(() => link.close());
    await recorder.isUp(1);
    link.send(reply(1, 'x'));
    await logger.until('it is logged', () => logger.of('error').length > 0);
    expect(peer.send(bytes('still works'))).toBe(true);
    await recorder.has(1);
  });
});
