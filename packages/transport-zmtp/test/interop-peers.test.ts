import { afterEach, describe, expect, it } from 'vitest';
import { NativeSocket } from './interop.js';
import { handshake, RawPeer } from './raw-peer.js';
import { Relay } from './relay.js';
import { openSocket } from './socket-log.js';
import { freeAddress, numbered } from './support.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function closing<T extends { close(): unknown }>(made: T): T {
  closers.push(() => made.close());
  return made;
}

function ours(...args: Parameters<typeof openSocket>) {
  const log = openSocket(...args);
  closing(log.socket);
  return log;
}

describe('many peers', () => {
  const PEERS = 200;

  it(`${PEERS} PULL sockets get the messages of one PUSH in turn`, async () => {
    const push = ours('PUSH');
    const address = await push.socket.bind('tcp://127.0.0.1:0');
    const pulls = Array.from({ length: PEERS }, () => closing(new NativeSocket('PULL')));
    for (const pull of pulls) pull.socket.connect(address);
    await push.hasPeers(PEERS);
    for (const text of numbered('m', PEERS * 5)) push.send(text);
    await Promise.all(pulls.map((pull) => pull.has(5)));
    expect(pulls.every((pull) => pull.batch.length === 5)).toBe(true);
    expect(new Set(pulls.flatMap((pull) => pull.texts)).size).toBe(PEERS * 5);
  });

  it(`${PEERS} DEALER sockets are answered by one ROUTER, each with its own`, async () => {
    const router = ours('ROUTER');
    const address = await router.socket.bind('tcp://127.0.0.1:0');
    const dealers = Array.from({ length: PEERS }, () => closing(new NativeSocket('DEALER')));
    for (const [at, dealer] of dealers.entries()) {
      dealer.socket.connect(address);
      void dealer.send(`q${at}`);
    }
    await router.has(PEERS);
    for (const [identity, question] of router.batch) router.socket.send([identity as Uint8Array, question as Uint8Array]);
    await Promise.all(dealers.map((dealer) => dealer.has(1)));
    expect(dealers.map((dealer) => dealer.texts)).toEqual(numbered('q', PEERS).map((text) => [text]));
  });
});

describe('reconnecting', () => {
  const ROUNDS = 1000;

  it(`${ROUNDS} times to a libzmq socket whose connections are cut, each time with its subscriptions`, {
    timeout: 60_000,
  }, async () => {
    const xpub = closing(new NativeSocket('XPUB', { verbosity: 'allSubs' }));
    // A relay that cuts is quicker than a thousand sockets, and closer to a bad network.
    const relay = await Relay.listen(await xpub.bind('tcp://127.0.0.1:0'));
    closers.push(() => relay.close());
    const sub = ours('SUB', { reconnect: { firstMs: 0, longestMs: 0, stableMs: 0 } });
    sub.socket.subscribe('m2 ');
    sub.socket.connect(relay.address);
    for (let round = 1; round <= ROUNDS; round++) {
      await sub.hasPeers(1);
      expect(relay.connections).toBe(round);
      if (round % 100 === 0) {
        while (sub.texts.at(-1) !== `m2 ${round}`) {
          await xpub.send(`m2 ${round}`);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      relay.cut();
      await sub.hasPeers(0);
    }
  });

  it('of a libzmq socket to ours, 20 times, is nothing but a new peer', async () => {
    const address = await freeAddress();
    const push = closing(new NativeSocket('PUSH', { reconnectInterval: 1, immediate: true }));
    push.socket.connect(address);
    for (let round = 1; round <= 20; round++) {
      const pull = openSocket('PULL');
      await pull.socket.bind(address);
      await pull.hasPeers(1);
      await push.send(`round ${round}`);
      await pull.has(1);
      expect(pull.texts).toEqual([`round ${round}`]);
      await pull.socket.close();
    }
  });
});

describe('heartbeats of libzmq', () => {
  it('are answered, so that an idle connection stays, where one that does not answer is cut', async () => {
    const push = closing(new NativeSocket('PUSH', { heartbeatInterval: 20, heartbeatTimeout: 200 }));
    const target = await push.bind('tcp://127.0.0.1:0');
    const relay = await Relay.listen(target);
    closers.push(() => relay.close());
    const pull = ours('PULL');
    pull.socket.connect(relay.address);
    await relay.until('20 answers have passed', () => relay.sent.split('\x05\x04PONG').length > 20);
    const silent = await RawPeer.connect(target);
    silent.write(handshake('PULL'));
    await silent.isClosed();
    expect(silent.after('PUSH')).toContain('\x04PING');
    await push.send('still here');
    await pull.has(1);
    expect([pull.texts, pull.trouble, relay.connections]).toEqual([['still here'], [], 1]);
  });
});

describe('slow joiners', () => {
  it('a publisher of ours knows when it has subscribers, and loses nothing from then on', async () => {
    const sub = closing(new NativeSocket('SUB'));
    sub.subscribe('m2 ');
    const address = await sub.bind('tcp://127.0.0.1:0');
    for (let round = 0; round < 20; round++) {
      const xpub = openSocket('XPUB');
      xpub.socket.connect(address);
      await xpub.hasSubscriptions(1);
      for (const text of numbered(`m2 ${round} `, 10)) xpub.send(text);
      await xpub.socket.close(5000);
    }
    await sub.has(200);
    expect(sub.texts).toEqual(Array.from({ length: 20 }, (_, round) => numbered(`m2 ${round} `, 10)).flat());
  });
});
