import { M2Error } from '@m2/core';
import { afterEach, describe, expect, it } from 'vitest';
import { command, handshake, message, RawPeer } from '../test/raw-peer.js';
import { bytes, openSocket, type SocketLog } from '../test/socket-log.js';
import { freeAddress, numbered } from '../test/support.js';
import type { SocketType } from './commands.js';

const opened: SocketLog[] = [];
afterEach(async () => {
  for (const { socket } of opened.splice(0)) await socket.close();
});

function open(...args: Parameters<typeof openSocket>): SocketLog {
  const log = openSocket(...args);
  opened.push(log);
  return log;
}

/** Two sockets that are connected, the first bound, or the second. */
async function pair(first: SocketType, second: SocketType, bound: 'first' | 'second' = 'first', address = 'tcp://127.0.0.1:0') {
  const logs = [open(first), open(second)] as const;
  const [binds, connects] = bound === 'first' ? logs : [logs[1], logs[0]];
  connects.socket.connect(await binds.socket.bind(address));
  await Promise.all(logs.map((log) => log.hasPeers(1)));
  return logs;
}

describe.each(['first', 'second'] as const)('every pair of sockets (the %s one is bound)', (bound) => {
  it('PUSH to PULL', async () => {
    const [push, pull] = await pair('PUSH', 'PULL', bound);
    for (const text of numbered('m', 500)) expect(push.send(text)).toBe(true);
    expect(push.send('a', '', 'c')).toBe(true);
    await pull.has(501);
    expect(pull.texts).toEqual([...numbered('m', 500), 'a||c']);
    expect([push.socket.counters.sent, pull.socket.counters.received]).toEqual([501, 501]);
    expect(pull.send('x')).toBe(false);
  });

  it.each([
    ['PUB', 'SUB'],
    ['XPUB', 'SUB'],
    ['PUB', 'XSUB'],
    ['XPUB', 'XSUB'],
  ] as const)('%s to %s', async (publisher, subscriber) => {
    const [pub, sub] = await pair(publisher, subscriber, bound);
    pub.send('nobody asked');
    sub.socket.subscribe('a');
    sub.socket.subscribe('a');
    sub.socket.subscribe('\xff');
    await pub.hasSubscriptions(2);
    expect(pub.subscriptions).toEqual(['+a', '+\xff']);
    for (const text of ['a1', 'b1', '\xff1', 'a']) expect(pub.send(text, 'part')).toBe(true);
    await sub.has(3);
    sub.socket.unsubscribe('a');
    sub.socket.unsubscribe('never');
    await pub.hasSubscriptions(3);
    pub.send('a2');
    pub.send('\xff2');
    await sub.has(4);
    expect(sub.texts).toEqual(['a1|part', '\xff1|part', 'a|part', '\xff2']);
    await sub.socket.close();
    await pub.hasSubscriptions(4);
    expect(pub.subscriptions.slice(2)).toEqual(['-a', '-\xff']);
  });

  it('DEALER to ROUTER and back', async () => {
    const [dealer, router] = await pair('DEALER', 'ROUTER', bound);
    dealer.send('', 'question');
    await router.has(1);
    const [identity] = router.batch[0] as Uint8Array[];
    expect([identity?.length, identity?.[0]]).toEqual([5, 0]);
    expect(router.socket.send([identity as Uint8Array, bytes(''), bytes('answer')])).toBe(true);
    await dealer.has(1);
    expect(dealer.texts).toEqual(['|answer']);
    expect(router.socket.send([bytes('nobody'), bytes('x')])).toBe(false);
    expect(router.socket.send([identity as Uint8Array])).toBe(false);
    expect(router.socket.counters.refused).toBe(2);
  });

  it('DEALER to DEALER', async () => {
    const [one, other] = await pair('DEALER', 'DEALER', bound);
    one.send('to the other');
    other.send('to the one');
    await Promise.all([one.has(1), other.has(1)]);
    expect([one.texts, other.texts]).toEqual([['to the one'], ['to the other']]);
  });
});

describe('identities', () => {
  it('are those that peers give themselves; the second of one name gets another', async () => {
    const router = open('ROUTER');
    const address = await router.socket.bind('tcp://127.0.0.1:0');
    const dealers = [0, 1].map(() => open('DEALER', { identity: bytes('me') }));
    for (const dealer of dealers) dealer.socket.connect(address);
    await router.hasPeers(2);
    for (const [at, dealer] of dealers.entries()) dealer.send(`from ${at}`);
    await router.has(2);
    const names = new Map(router.batch.map(([identity, text]) => [String(text), Buffer.from(identity as Uint8Array)]));
    expect([...names.values()].filter((name) => name.toString() === 'me').length).toBe(1);
    for (const [text, name] of names) router.socket.send([name, bytes(`to ${text.slice(5)}`)]);
    await Promise.all(dealers.map((dealer) => dealer.has(1)));
    expect(dealers.map((dealer) => dealer.texts)).toEqual([['to 0'], ['to 1']]);
  });

  it('that begin with 0 are refused, from peers and from us', async () => {
    const router = open('ROUTER');
    const peer = await RawPeer.connect(await router.socket.bind('tcp://127.0.0.1:0'));
    peer.write(handshake('DEALER', '\0\0\0\0\x01'));
    await router.hasTrouble(1);
    expect(router.trouble.map((cause) => cause.code)).toEqual(['M2_PEER_PROTOCOL']);
    expect(router.socket.peerCount).toBe(0);
    for (const identity of [bytes('\0x'), Buffer.alloc(256, 'x')]) {
      expect(() => openSocket('DEALER', { identity })).toThrow(expect.objectContaining({ code: 'M2_OPTION_INVALID' }));
    }
  });
});

describe('what waits', () => {
  it('goes out in order when a peer comes', async () => {
    const push = open('PUSH');
    const texts = numbered('m', 1000);
    expect(texts.every((text) => push.send(text))).toBe(true);
    expect(push.send('one too many')).toBe(false);
    const pull = open('PULL');
    pull.socket.connect(await push.socket.bind('tcp://127.0.0.1:0'));
    await pull.has(1000);
    expect(pull.texts).toEqual(texts);
    await push.until('there is room again', () => push.drained === 1);
    expect(push.send('more')).toBe(true);
  });

  it('is bounded for each peer, and goes to others meanwhile', async () => {
    const push = open('PUSH', { peerBytes: 1024 * 1024, backlog: { messages: 2 } });
    const address = await push.socket.bind('tcp://127.0.0.1:0');
    const slow = await RawPeer.connect(address);
    slow.socket.pause();
    slow.write(handshake('PULL'));
    await push.hasPeers(1);
    const large = Buffer.alloc(1024 * 1024);
    let taken = 0;
    // The kernel takes some megabytes; then a megabyte and the backlog.
    while (push.socket.send([large])) {
      taken++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeLessThan(64);
    const pull = open('PULL');
    pull.socket.connect(address);
    await push.until('there is room again', () => push.drained === 1);
    expect(push.socket.send([bytes('quick')])).toBe(true);
    await pull.has(3);
    expect(pull.texts.at(-1)).toBe('quick');
  });

  it('of a publisher is dropped for a slow subscriber alone, and counted', async () => {
    const pub = open('PUB', { peerBytes: 1024 * 1024 });
    const address = await pub.socket.bind('tcp://127.0.0.1:0');
    const slow = await RawPeer.connect(address);
    slow.socket.pause();
    slow.write(handshake('SUB'), command('SUBSCRIBE', ''));
    const quick = open('SUB');
    quick.socket.connect(address);
    quick.socket.subscribe('');
    await pub.hasSubscriptions(2);
    const large = Buffer.alloc(1024 * 1024);
    let sent = 0;
    let all = true;
    while (all) {
      all = pub.socket.send([large]);
      await quick.has(++sent);
    }
    expect(pub.socket.counters.refused).toBe(1);
    expect(quick.texts.length).toBe(sent);
  });

  it('is lost with its peer, and counted', async () => {
    const push = open('PUSH', { peerBytes: 64 * 1024 * 1024 });
    const peer = await RawPeer.connect(await push.socket.bind('tcp://127.0.0.1:0'));
    peer.socket.pause();
    peer.write(handshake('PULL'));
    await push.hasPeers(1);
    for (let count = 0; count < 32; count++) push.socket.send([Buffer.alloc(1024 * 1024)]);
    peer.socket.resetAndDestroy();
    await push.until('the loss is told', () => push.trouble.some(({ details }) => details.lost !== undefined));
    const { sent, lost } = push.socket.counters;
    expect(sent + lost).toBe(32);
    expect(push.trouble.map(({ details }) => details.lost).filter((count) => count !== undefined)).toEqual([lost]);
  });
});

describe('a PUSH and a peer that half-closes', () => {
  it('deals to others from then on, and loses nothing of what it had taken', async () => {
    const push = open('PUSH');
    const leaver = await RawPeer.connect(await push.socket.bind('tcp://127.0.0.1:0'));
    leaver.write(handshake('PULL'));
    await push.hasPeers(1);
    const large = Buffer.alloc(8 * 1024 * 1024, 'x');
    push.socket.send([large]);
    push.send('taken');
    leaver.socket.end();
    await push.hasPeers(0);
    push.send('for another');
    await leaver.isClosed();
    expect(leaver.after('PUSH').slice(9 + large.length)).toBe('\0\x05taken');
    const pull = open('PULL');
    pull.socket.connect(push.address);
    await pull.has(1);
    expect([pull.texts, push.socket.counters.lost]).toEqual([['for another'], 0]);
  });
});

describe('hostile peers', () => {
  it('are bounded in number, in handshakes, and in time', async () => {
    const pull = open('PULL', { maxPeers: 2, maxOpening: 2, limits: { handshakeMs: 100 } });
    const address = await pull.socket.bind('tcp://127.0.0.1:0');
    const silent = await Promise.all([RawPeer.connect(address), RawPeer.connect(address)]);
    await Promise.all(silent.map((peer) => peer.until('greeted', () => peer.length >= 64)));
    const third = await RawPeer.connect(address);
    await third.isClosed();
    expect(pull.trouble.map((cause) => cause.code)).toEqual(['M2_LIMIT_EXCEEDED']);
    await Promise.all(silent.map((peer) => peer.isClosed()));
    expect(pull.trouble.slice(1).map((cause) => cause.code)).toEqual(['M2_PEER_PROTOCOL', 'M2_PEER_PROTOCOL']);
    for (let count = 1; count <= 2; count++) {
      (await RawPeer.connect(address)).write(handshake('PUSH'));
      await pull.hasPeers(count);
    }
    await (await RawPeer.connect(address)).isClosed();
    expect([pull.trouble.at(-1)?.code, pull.socket.peerCount]).toEqual(['M2_LIMIT_EXCEEDED', 2]);
  });

  it('cannot make a publisher remember ever more prefixes', async () => {
    const pub = open('PUB', { limits: { subscriptions: 3 } });
    const peer = await RawPeer.connect(await pub.socket.bind('tcp://127.0.0.1:0'));
    peer.write(handshake('SUB'), ...['a', 'b', 'a', 'c', 'd'].map((prefix) => command('SUBSCRIBE', prefix)));
    await peer.isClosed();
    await pub.hasTrouble(1);
    expect(pub.trouble[0]?.code).toBe('M2_LIMIT_EXCEEDED');
    expect(pub.subscriptions).toEqual(['+a', '+b', '+c', '-a', '-b', '-c']);
  });

  it('cannot make a SUB take what it did not ask for', async () => {
    const sub = open('SUB');
    sub.socket.subscribe('mine');
    const peer = await RawPeer.connect(await sub.socket.bind('tcp://127.0.0.1:0'));
    peer.write(handshake('PUB'), message('yours'), message('mine'), message('', true), message('mine'));
    await sub.has(1);
    expect([sub.texts, sub.socket.counters.unwanted]).toEqual([['mine'], 2]);
  });
});

describe('connecting', () => {
  it('goes on until somebody is there, and again after every end', async () => {
    const address = await freeAddress();
    const dealer = open('DEALER');
    dealer.socket.connect(address);
    await dealer.hasTrouble(3);
    expect(new Set(dealer.trouble.map((cause) => cause.code))).toEqual(new Set(['M2_LINK_DOWN']));
    for (let round = 1; round <= 5; round++) {
      const router = openSocket('ROUTER');
      await router.socket.bind(address);
      await router.hasPeers(1);
      await dealer.hasPeers(1);
      dealer.send(`round ${round}`);
      await router.has(1);
      await router.socket.close();
      await dealer.hasPeers(0);
    }
  });

  it('says what is wrong with an address', async () => {
    const pull = open('PULL');
    expect(() => pull.socket.connect('nonsense')).toThrow(expect.objectContaining({ code: 'M2_SPEC_INVALID' }));
    const failure = await pull.socket.bind('tcp://127.0.0.1:1:1').catch((error: unknown) => error);
    expect(M2Error.is(failure) && failure.code).toBe('M2_SPEC_INVALID');
  });
});

describe('over', () => {
  it.each(['ipc://*', 'tcp://[::1]:0', 'tcp://localhost:0'])('%s it works the same', async (address) => {
    const [push, pull] = await pair('PUSH', 'PULL', 'first', address);
    push.send('m');
    await pull.has(1);
    expect(pull.texts).toEqual(['m']);
  });
});

describe('close()', () => {
  it('with time lets out what was taken, and what waits for a peer', async () => {
    const push = open('PUSH');
    for (const text of numbered('m', 100)) push.send(text);
    const address = await freeAddress();
    push.socket.connect(address);
    const closed = push.socket.close(10_000);
    expect(push.socket.close()).toBe(closed);
    expect(push.send('too late')).toBe(false);
    const pull = open('PULL');
    await pull.socket.bind(address);
    await closed;
    await pull.has(100);
    expect(push.socket.counters).toMatchObject({ sent: 100, lost: 0, refused: 1 });
  });

  it('with time does not wait for nobody', async () => {
    const push = open('PUSH');
    push.send('m');
    await push.socket.bind('tcp://127.0.0.1:0');
    await push.socket.close(60_000);
    expect(push.socket.counters.lost).toBe(1);
  });

  it('at once counts what is lost, and ends every connection', async () => {
    const push = open('PUSH');
    const peer = await RawPeer.connect(await push.socket.bind('tcp://127.0.0.1:0'));
    peer.socket.pause();
    peer.write(handshake('PULL'));
    await push.hasPeers(1);
    for (let count = 0; count < 12; count++) push.socket.send([Buffer.alloc(1024 * 1024)]);
    push.socket.send([bytes('m')]);
    await push.socket.close();
    const { sent, lost } = push.socket.counters;
    expect([sent + lost, lost > 0]).toEqual([13, true]);
    peer.socket.resume();
    await peer.isClosed();
    push.socket.connect(push.address);
    await expect(push.socket.bind('tcp://127.0.0.1:0')).rejects.toMatchObject({ code: 'M2_CLOSED' });
  });
});
