import { afterEach, describe, expect, it } from 'vitest';
import type { SocketType } from '../src/commands.js';
import { ZmtpRequester } from '../src/requester.js';
import { ZmtpResponder } from '../src/responder.js';
import { NativeSocket } from './interop.js';
import { seeded, upTo } from './random.js';
import { openSocket, type SocketLog } from './socket-log.js';
import { latin1, numbered } from './support.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function ours(...args: Parameters<typeof openSocket>): SocketLog {
  const log = openSocket(...args);
  closers.push(() => log.socket.close());
  return log;
}

function theirs(type: SocketType, options?: Readonly<Record<string, unknown>>): NativeSocket {
  const native = new NativeSocket(type, options);
  closers.push(() => native.close());
  return native;
}

type Binds = 'ours binds' | 'libzmq binds';
const ROLES: readonly Binds[] = ['ours binds', 'libzmq binds'];

/** Connects one of ours with one of libzmq. */
async function pair(type: SocketType, peerType: SocketType, binds: Binds, address = 'tcp://127.0.0.1:0', options = {}) {
  const own = ours(type, options);
  const native = theirs(peerType);
  if (binds === 'ours binds') native.socket.connect(await own.socket.bind(address));
  else own.socket.connect(await native.bind(address));
  return { own, native };
}

describe.each(ROLES)('with libzmq, every pair of sockets (%s):', (binds) => {
  it('PUSH to PULL, in order, with any number of frames', async () => {
    const { own, native } = await pair('PUSH', 'PULL', binds);
    const texts = numbered('m', 3000);
    for (const text of texts.slice(0, 500)) own.send(text);
    await own.hasPeers(1);
    for (const text of texts.slice(500)) expect(own.send(text)).toBe(true);
    own.send('', 'a', '', 'b'.repeat(300), '');
    await native.has(3001);
    expect(native.texts.slice(0, 3000)).toEqual(texts);
    expect(native.texts[3000]).toBe(`|a||${'b'.repeat(300)}|`);
  });

  it('PULL from PUSH, in order, with any number of frames', async () => {
    const { own, native } = await pair('PULL', 'PUSH', binds);
    const texts = numbered('m', 3000);
    for (const text of texts) void native.send(text);
    await native.send('', 'a', '', 'b'.repeat(300), '');
    await own.has(3001);
    expect(own.texts.slice(0, 3000)).toEqual(texts);
    expect(own.texts[3000]).toBe(`|a||${'b'.repeat(300)}|`);
  });

  it.each([
    ['PUB', 'SUB'],
    ['XPUB', 'SUB'],
  ] as const)('%s to %s: it subscribes and withdraws, and is sent what it asked for', async (type, peerType) => {
    const { own, native } = await pair(type, peerType, binds);
    native.subscribe('a');
    native.subscribe('\xff');
    await own.hasSubscriptions(2);
    expect([...own.subscriptions].sort()).toEqual(['+a', '+\xff']);
    for (const text of ['a1', 'b1', '\xff1']) own.send(text, 'part');
    await native.has(2);
    native.unsubscribe('a');
    await own.hasSubscriptions(3);
    own.send('a2');
    own.send('\xff2');
    await native.has(3);
    expect([native.texts, own.subscriptions[2]]).toEqual([['a1|part', '\xff1|part', '\xff2'], '-a']);
  });

  it.each(['PUB', 'XPUB'] as const)('%s to XSUB: subscriptions that its application writes', async (type) => {
    const { own, native } = await pair(type, 'XSUB', binds);
    await own.hasPeers(1);
    await native.send('\x01a');
    await own.hasSubscriptions(1);
    own.send('b');
    own.send('a');
    await native.has(1);
    await native.send('\x00a');
    await own.hasSubscriptions(2);
    expect([native.texts, own.subscriptions]).toEqual([['a'], ['+a', '-a']]);
  });

  it.each(['SUB', 'XSUB'] as const)('%s from XPUB, which shows subscriptions, ours too', async (type) => {
    const { own, native } = await pair(type, 'XPUB', binds);
    own.socket.subscribe('a');
    await native.has(1);
    own.socket.subscribe('\xff');
    await native.has(2);
    for (const text of ['a1', 'b1', '\xff1']) await native.send(text, 'part');
    await own.has(2);
    own.socket.unsubscribe('a');
    await native.has(3);
    await native.send('a2');
    await native.send('\xff2');
    await own.has(3);
    expect(native.texts).toEqual(['\x01a', '\x01\xff', '\x00a']);
    expect(own.texts).toEqual(['a1|part', '\xff1|part', '\xff2']);
  });

  it('SUB from PUB', async () => {
    const { own, native } = await pair('SUB', 'PUB', binds);
    own.socket.subscribe('');
    await own.hasPeers(1);
    // PUB does not show subscriptions: it is asked until it knows.
    while (own.batch.length === 0) {
      await native.send('m', 'part');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(own.texts[0]).toBe('m|part');
  });

  it.each([
    ['DEALER', 'ROUTER'],
    ['DEALER', 'DEALER'],
  ] as const)('%s with %s, both ways', async (type, peerType) => {
    const { own, native } = await pair(type, peerType, binds);
    own.send('', 'question');
    await native.has(1);
    await native.send(...(native.batch[0]?.slice(0, -1) ?? []), 'answer');
    await own.has(1);
    expect(own.texts).toEqual(['|answer']);
  });

  it.each(['DEALER', 'ROUTER'] as const)('ROUTER with %s, both ways, by name', async (peerType) => {
    const own = ours('ROUTER', { identity: Buffer.from('our name') });
    const native = theirs(peerType, { routingId: 'their name' });
    if (binds === 'ours binds') native.socket.connect(await own.socket.bind('tcp://127.0.0.1:0'));
    else own.socket.connect(await native.bind('tcp://127.0.0.1:0'));
    await own.hasPeers(1);
    own.send('their name', 'question');
    await native.has(1);
    expect(native.texts).toEqual([peerType === 'ROUTER' ? 'our name|question' : 'question']);
    await native.send(...(peerType === 'ROUTER' ? ['our name', 'answer'] : ['answer']));
    await own.has(1);
    expect(own.texts).toEqual(['their name|answer']);
  });
});

describe('requests', () => {
  it('of ours are answered by REP and by ROUTER', async () => {
    const rep = theirs('REP');
    const one = new ZmtpRequester(await rep.bind('tcp://127.0.0.1:0'));
    closers.push(() => one.close());
    for (const text of numbered('q', 20)) {
      const answer = one.request([Buffer.from(text), Buffer.from('part')]);
      const question = (await rep.socket.receive?.()) ?? [];
      expect(question.map(latin1)).toEqual([text, 'part']);
      await rep.send(...question.reverse());
      expect((await answer).map(latin1)).toEqual(['part', text]);
    }
    const router = theirs('ROUTER');
    const other = new ZmtpRequester(await router.bind('tcp://127.0.0.1:0'));
    closers.push(() => other.close());
    const answer = other.request([Buffer.from('q')]);
    await router.has(1);
    await router.send(...(router.batch[0] ?? []).slice(0, 2), 'a');
    expect((await answer).map(latin1)).toEqual(['a']);
  });

  it.each(['REQ', 'DEALER'] as const)('of %s are answered by ours', async (type) => {
    const made = new ZmtpResponder({ answer: (parts) => [...parts].reverse() });
    closers.push(() => made.close());
    const native = theirs(type);
    native.socket.connect(await made.bind('tcp://127.0.0.1:0'));
    for (const text of numbered('q', 20)) {
      await native.send(...(type === 'REQ' ? [] : ['']), text, 'part');
      if (type === 'DEALER') await native.has(native.batch.length + 1);
      const answer = type === 'REQ' ? await native.socket.receive?.() : native.batch.at(-1)?.slice(1);
      expect(answer?.map(latin1)).toEqual(['part', text]);
    }
  });
});

describe.each(ROLES)('messages of every size (%s)', (binds) => {
  const random = seeded(64);
  const SIZES = [0, 1, 2, 253, 254, 255, 256, 257, 4095, 4096, 8191, 8192, 8193, 65_535, 65_536, 65_537, 1_000_003];
  const many = [...SIZES, ...Array.from({ length: 60 }, () => upTo(random, 40_000))];
  const noise = Buffer.alloc(1_000_003, Buffer.from(Array.from({ length: 997 }, () => upTo(random, 256))));
  const of = (size: number, at: number) =>
    Buffer.concat([noise.subarray(at, at + 1), noise.subarray(0, Math.max(0, size - 1))]).subarray(0, size);

  it('pass unchanged, to libzmq and from it', async () => {
    const out = await pair('PUSH', 'PULL', binds);
    for (const [at, size] of many.entries()) out.own.socket.send([of(size, at), of(at, size)]);
    await out.native.has(many.length);
    const into = await pair('PULL', 'PUSH', binds);
    for (const [at, size] of many.entries()) void into.native.send(of(size, at), of(at, size));
    await into.own.has(many.length);
    for (const { batch } of [out.native, into.own]) {
      for (const [at, size] of many.entries()) {
        const same =
          batch[at]?.length === 2 &&
          of(size, at).equals(batch[at]?.[0] as Uint8Array) &&
          of(at, size).equals(batch[at]?.[1] as Uint8Array);
        if (!same) expect({ at, size, lengths: batch[at]?.map((part) => part.length) }).toBe('unchanged');
      }
    }
  });

  it('and of 64 MB, too', async () => {
    const large = Buffer.alloc(64 * 1024 * 1024, noise);
    const out = await pair('PUSH', 'PULL', binds);
    out.own.socket.send([large, Buffer.from('end')]);
    await out.native.has(1);
    expect(large.equals(out.native.batch[0]?.[0] as Uint8Array)).toBe(true);
    out.native.batch.length = 0;
    const into = await pair('PULL', 'PUSH', binds);
    await into.native.send(large, 'end');
    await into.own.has(1);
    expect(large.equals(into.own.batch[0]?.[0] as Uint8Array)).toBe(true);
  });
});

it.each(['ipc://*', 'tcp://[::1]:0'])('over %s it is the same', async (address) => {
  for (const binds of ROLES) {
    const own = ours('PULL');
    const native = theirs('PUSH', { ipv6: true });
    if (binds === 'ours binds') native.socket.connect(await own.socket.bind(address));
    else own.socket.connect(await native.bind(address));
    await native.send('m');
    await own.has(1);
    expect(own.texts).toEqual(['m']);
  }
});
