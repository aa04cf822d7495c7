import { type Link, M2Error } from '@m2/core';
import { afterEach, describe, expect, it } from 'vitest';
import { Collector, latin1, numbered, openLink, RawServer, Recorder, reply, replyText } from '../test/support.js';
import { zmtpTransport } from './index.js';

const transport = zmtpTransport();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function raw(options?: Parameters<typeof RawServer.listen>[0]): Promise<RawServer> {
  const server = await RawServer.listen(options);
  closers.push(() => server.close());
  return server;
}

async function open(...[to, receiver, more]: [{ sendSpec: string; recvSpec: string }, Recorder, object?]): Promise<Link> {
  const link = await openLink(transport, to, receiver, more);
  closers.push(() => link.close());
  return link;
}

describe('a link to raw sockets bound as Mongrel2 binds them', () => {
  it('is up when the subscription was seen, and loses none of 200 replies sent in that moment', async () => {
    const server = await raw();
    const recorder = new Recorder();
    let link: Link | undefined;
    recorder.onUp = (epoch) => {
      for (const text of numbered('r', 200)) link?.send(reply(epoch, text));
    };
    link = await open(server, recorder);
    await server.has(200);
    expect(recorder.log).toEqual(['up 1']);
    expect(recorder.subscription).toBe('m2-test ');
    expect(server.replies).toEqual(numbered(replyText('r'), 200));
    expect(link.counters).toEqual({ received: 0, sent: 200, stale: 0, overflowed: 0, lost: 0 });
  });

  it('takes an empty subscription', async () => {
    const server = await raw({ recvIdent: '' });
    const recorder = new Recorder();
    const link = await open(server, recorder);
    await recorder.isUp(1);
    expect(recorder.subscription).toBe('');
    link.send({ epoch: 1, head: 'any 1:1, ', data: 'x' });
    await server.has(1);
    expect(server.replies).toEqual(['any 1:1, x']);
  });

  it('hands over requests in order, in batches, with all 256 byte values, and counts them', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(server, recorder);
    const every = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
    const texts = numbered(`q${every}`, 1000);
    await recorder.isUp(1);
    await server.send(...texts);
    await recorder.has(1000);
    expect(recorder.received.map(({ text }) => text)).toEqual(texts);
    expect(recorder.received.every(({ epoch }) => epoch === 1)).toBe(true);
    expect(recorder.batches.every((size) => size > 0)).toBe(true);
    expect(link.counters.received).toBe(1000);
  });

  it('sends strings as latin1 and bytes as they are', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(server, recorder);
    await recorder.isUp(1);
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    link.send(reply(1, latin1(bytes)));
    link.send(reply(1, bytes));
    link.send(reply(1, bytes.subarray(200, 210)));
    link.send(reply(1, ''));
    await server.has(4);
    expect(server.replies).toEqual([latin1(bytes), latin1(bytes), latin1(bytes.subarray(200, 210)), ''].map(replyText));
  });

  it('carries from nothing to 64 MB both ways', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(server, recorder, { sendQueueBytes: 256 * 1024 * 1024 });
    await recorder.isUp(1);
    const texts = [0, 1, 255, 256, 65_536, 1_000_003, 64 * 1024 * 1024].map((size) =>
      'abcdefghijk'.repeat(size / 11 + 1).slice(0, size),
    );
    for (const [at, text] of texts.entries()) link.send(reply(1, at % 2 === 0 ? text : Buffer.from(text, 'latin1')));
    await server.send(...texts);
    await server.has(texts.length);
    await recorder.has(texts.length);
    expect(texts.map((text, at) => server.replies[at] === replyText(text))).toEqual(texts.map(() => true));
    expect(texts.map((text, at) => recorder.received[at]?.text === text)).toEqual(texts.map(() => true));
  });

  it('takes the parts of one message for as many requests', async () => {
    const server = await raw();
    const recorder = new Recorder();
    await open(server, recorder);
    await recorder.isUp(1);
    await server.push.send(['one', 'two']);
    await recorder.has(2);
    expect(recorder.received.map(({ text }) => text)).toEqual(['one', 'two']);
  });
});

describe('the replies of one tick', () => {
  it('arrive complete and in order, 2,000 of them, as one message each', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(server, recorder);
    await recorder.isUp(1);
    for (const text of numbered('r', 2000)) expect(link.send(reply(1, text))).toBe(true);
    await server.has(2000);
    expect(server.messages).toEqual(numbered(replyText('r'), 2000).map((text) => [text]));
  });
});

describe('a slow server', () => {
  const mebibyte = 'x'.repeat(1024 * 1024);

  it('makes send() return false, then drained() resolve, and loses nothing', async () => {
    const server = await raw({ slow: true, sub: { receiveHighWaterMark: 1 } });
    // A SUB that is never touched does not even subscribe.
    const first = server.sub.receive();
    const recorder = new Recorder();
    const link = await open(server, recorder, { sendQueueBytes: 256 * 1024 * 1024 });
    await recorder.isUp(1);
    const taken = numbered(mebibyte, 160).map((text) => link.send(reply(1, text)));
    expect(taken.lastIndexOf(true)).toBe(126);
    let relieved = false;
    const drained = link.drained().then(() => {
      relieved = true;
    });
    await first;
    expect(relieved).toBe(false);
    expect(link.counters.sent).toBeLessThan(160);
    void server.read();
    await drained;
    await server.has(159);
    expect(server.replies.map((text) => text.slice(-3).replace(/x/g, ''))).toEqual(numbered('', 160).slice(1));
    expect(link.counters).toMatchObject({ sent: 160, overflowed: 0, lost: 0 });
  });

  it('costs no more than the hard cap: beyond it replies are refused and counted', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(server, recorder, { sendQueueBytes: 4 * 1024 * 1024 });
    await recorder.isUp(1);
    const taken = numbered(mebibyte, 8).map((text) => link.send(reply(1, text)));
    expect(taken).toEqual([true, false, false, false, false, false, false, false]);
    expect(link.counters.overflowed).toBe(5);
    await link.drained();
    expect(link.send(reply(1, 'again'))).toBe(true);
    await server.has(4);
    expect(server.replies.map((text) => text.slice(-1))).toEqual(['0', '1', '2', 'n']);
  });

  it('takes one reply above the cap when nothing else waits', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(server, recorder, { sendQueueBytes: 1000 });
    await recorder.isUp(1);
    expect(link.send(reply(1, mebibyte))).toBe(false);
    await server.has(1);
    expect(server.replies).toEqual([replyText(mebibyte)]);
  });
});

describe('a restart of the server', () => {
  it('ends the epoch and begins the next, and each request comes with its own', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(server, recorder);
    await recorder.isUp(1);
    await server.send(...numbered('old', 50));
    await recorder.has(50);
    const next = await server.restart({ recvIdent: 'other ' });
    closers.push(() => next.close());
    await next.send(...numbered('new', 50));
    await recorder.has(100);
    expect(recorder.log).toEqual(['up 1', 'down 1', 'up 2']);
    expect(recorder.subscription).toBe('other ');
    expect(recorder.received.map(({ text, epoch }) => `${text} ${epoch}`)).toEqual([
      ...numbered('old', 50).map((text) => `${text} 1`),
      ...numbered('new', 50).map((text) => `${text} 2`),
    ]);
    expect(recorder.causes.map((cause) => M2Error.is(cause) && cause.code)).toEqual(['M2_LINK_DOWN']);
    expect(link.counters.received).toBe(100);
  });

  it('keeps replies of the old epoch from the new server, and counts them', async () => {
    const server = await raw();
    const recorder = new Recorder();
    const link = await open(server, recorder);
    await recorder.isUp(1);
    server.close();
    await recorder.isDown(1);
    expect(link.send(reply(1, 'while down'))).toBe(false);
    const next = await server.restart();
    closers.push(() => next.close());
    await recorder.isUp(2);
    expect(link.send(reply(1, 'after'))).toBe(false);
    expect(link.send(reply(3, 'of no epoch'))).toBe(false);
    expect(link.send(reply(2, 'new'))).toBe(true);
    await next.has(1);
    expect(next.replies).toEqual([replyText('new')]);
    expect(link.counters).toMatchObject({ sent: 1, stale: 3, lost: 0 });
  });

  it('drops and counts what was queued for the old server', async () => {
    const server = await raw({ slow: true, sub: { receiveHighWaterMark: 1 } });
    const first = server.sub.receive();
    const recorder = new Recorder();
    const link = await open(server, recorder, { sendQueueBytes: 256 * 1024 * 1024 });
    await recorder.isUp(1);
    for (const text of numbered('x'.repeat(1024 * 1024), 160)) link.send(reply(1, text));
    await first;
    const drained = link.drained();
    const next = await server.restart();
    closers.push(() => next.close());
    await drained;
    await recorder.isUp(2);
    link.send(reply(2, 'new'));
    await next.has(1);
    expect(next.replies).toEqual([replyText('new')]);
    expect(link.counters.lost).toBeGreaterThan(0);
    expect(link.counters.sent + link.counters.lost).toBe(161);
  });

  it('may come again and again', async () => {
    let server = await raw();
    const recorder = new Recorder();
    const link = await open(server, recorder);
    for (let epoch = 1; epoch <= 5; epoch++) {
      await recorder.isUp(epoch);
      link.send(reply(epoch, `epoch ${epoch}`));
      await server.has(1);
      expect(server.replies).toEqual([replyText(`epoch ${epoch}`)]);
      server = await server.restart();
      const { close } = server;
      closers.push(close.bind(server));
    }
    await recorder.isUp(6);
    expect(recorder.log).toEqual([1, 2, 3, 4, 5].flatMap((epoch) => [`up ${epoch}`, `down ${epoch}`]).concat('up 6'));
  });
});

describe('handlers that take turns', () => {
  it('at a server of ours lose nothing and get nothing twice, in 30 handovers under load', async () => {
    const peer = await transport.bind(
      { sendSpec: 'tcp://127.0.0.1:0', recvSpec: 'tcp://127.0.0.1:0', recvIdent: '' },
      new Collector(),
    );
    closers.push(() => peer.close());
    let sent = 0;
    const load = setInterval(() => {
      for (let burst = 0; burst < 20; burst++) if (peer.send(Buffer.from(`q${sent}`))) sent++;
    }, 1);
    const recorders: Recorder[] = [];
    let last: Link | undefined;
    for (let turn = 0; turn <= 30; turn++) {
      const recorder = new Recorder();
      recorders.push(recorder);
      const link = await open(peer, recorder);
      await recorder.has(1);
      await last?.shutdown();
      await last?.close();
      last = link;
    }
    clearInterval(load);
    const texts = () => recorders.flatMap(({ received }) => received.map(({ text }) => text));
    await recorders.at(-1)?.until('all has come', () => texts().length >= sent);
    expect(texts().length).toBe(sent);
    expect(new Set(texts()).size).toBe(sent);
  });
});

describe('over ipc and IPv6', () => {
  it.each([
    ['ipc', 'ipc://*'],
    ['IPv6', 'tcp://[::1]:0'],
  ])('works over %s', async (_name, address) => {
    const collector = new Collector();
    const peer = await transport.bind({ sendSpec: address, recvSpec: address, recvIdent: 'm2-test ' }, collector);
    closers.push(() => peer.close());
    const recorder = new Recorder();
    const link = await open(peer, recorder);
    await recorder.isUp(1);
    expect(peer.send(new TextEncoder().encode('request'))).toBe(true);
    await recorder.has(1);
    expect(recorder.received[0]?.text).toBe('request');
    link.send(reply(1, 'answer'));
    await collector.has(1);
    expect(collector.texts).toEqual([replyText('answer')]);
  });
});
