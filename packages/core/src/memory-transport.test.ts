import { describe, expect, it } from 'vitest';
import { latin1Bytes, latin1Slice } from '#platform';
import { silentLogger } from './logger.js';
import { memoryTransport } from './memory-transport.js';
import { SocketSpec } from './socket-spec.js';
import { eventually, turns } from './testing/index.js';
import type { LinkReceiver, PeerTransport, Transport } from './transport.js';
import { encodeReply } from './wire/outbound.js';

const specs = { sendSpec: 'memory://send', recvSpec: 'memory://recv' };
const text = (bytes: Uint8Array) => latin1Slice(bytes, 0, bytes.length);

/** A link whose events are written down. */
async function open(medium: Transport, sendQueueBytes = 1 << 20) {
  const log: string[] = [];
  const receiver: LinkReceiver = {
    messages: (batch, epoch) => void log.push(`messages ${epoch}: ${batch.map(text).join(' ')}`),
    up: (epoch, subscription) => void log.push(`up ${epoch} '${text(subscription)}'`),
    down: (epoch, cause) => void log.push(`down ${epoch} ${cause.code}`),
  };
  const spec = { sendSpec: SocketSpec.parse(specs.sendSpec), recvSpec: SocketSpec.parse(specs.recvSpec), sendQueueBytes };
  const link = await medium.open({ ...spec, lingerMs: 100, logger: silentLogger }, receiver);
  return { link, log };
}

async function bind(medium: PeerTransport, recvIdent = 'a ') {
  const heard: string[] = [];
  const peer = await medium.bind({ ...specs, recvIdent }, { replies: (batch) => void heard.push(...batch.map(text)) });
  return { peer, heard };
}

describe('memoryTransport: a server and its links', () => {
  it('joins both sides whoever comes first, and tells the subscription', async () => {
    const medium = memoryTransport();
    const early = await open(medium);
    await turns(1);
    expect(early.log).toEqual([]);
    await bind(medium);
    const late = await open(medium);
    await turns(1);
    expect(early.log).toEqual(["up 1 'a '"]);
    expect(late.log).toEqual(["up 1 'a '"]);
  });

  it('keeps two media, and two pairs of addresses, apart', async () => {
    const [one, other] = [memoryTransport(), memoryTransport()];
    const { log } = await open(one);
    await bind(other);
    await one.bind({ ...specs, recvSpec: 'memory://elsewhere', recvIdent: '' }, { replies: () => {} });
    await turns(2);
    expect(log).toEqual([]);
  });

  it('deals messages in turn, in batches, and keeps them while there is no handler', async () => {
    const medium = memoryTransport();
    const { peer } = await bind(medium);
    peer.send(latin1Bytes('early'));
    const [first, second] = [await open(medium), await open(medium)];
    for (const name of ['1', '2', '3', '4']) expect(peer.send(latin1Bytes(name))).toBe(true);
    expect(first.log).toEqual([]);
    await turns(1);
    const dealt = [first, second].map(({ log }) => log.slice(1).join());
    expect(dealt.toSorted()).toEqual(['messages 1: 1 3', 'messages 1: early 2 4'].toSorted());
    expect(first.link.counters.received + second.link.counters.received).toBe(5);
  });

  it('refuses what its bounded queue has no room for, until it was read', async () => {
    const medium = memoryTransport();
    const { peer } = await bind(medium);
    const large = new Uint8Array(40 * 1024 * 1024);
    expect(peer.send(large)).toBe(true);
    expect(peer.send(large)).toBe(false);
    const { link } = await open(medium);
    await eventually(() => link.counters.received === 1, 'the large message came');
    expect(peer.send(large)).toBe(true);
  });

  it('refuses other addresses, and a pair that is bound', async () => {
    const medium = memoryTransport();
    await bind(medium);
    await expect(bind(medium)).rejects.toMatchObject({ code: 'M2_SOCKET_FAILED' });
    await expect(medium.bind({ ...specs, sendSpec: 'tcp://h:1', recvIdent: '' }, { replies: () => {} })).rejects.toMatchObject({
      code: 'M2_SPEC_INVALID',
    });
  });
});

describe('memoryTransport: epochs', () => {
  it('counts each coming of the server as an epoch, with one down for each up', async () => {
    const medium = memoryTransport();
    const { log } = await open(medium);
    const { peer } = await bind(medium);
    await turns(1);
    await peer.close();
    await peer.close();
    await bind(medium, 'b ');
    await turns(1);
    expect(log).toEqual(["up 1 'a '", 'down 1 M2_LINK_DOWN', "up 2 'b '"]);
  });

  it('hands messages over with the epoch that they were sent in', async () => {
    const medium = memoryTransport();
    const { log } = await open(medium);
    const old = await bind(medium);
    old.peer.send(latin1Bytes('old'));
    await old.peer.close();
    const fresh = await bind(medium);
    fresh.peer.send(latin1Bytes('new'));
    expect(old.peer.send(latin1Bytes('late'))).toBe(false);
    await turns(2);
    expect(log).toEqual(["up 1 'a '", 'messages 1: old', 'down 1 M2_LINK_DOWN', "up 2 'a '", 'messages 2: new']);
  });

  it('never sends a reply in another epoch than its own, and counts it', async () => {
    const medium = memoryTransport();
    const { link } = await open(medium);
    expect(link.send(encodeReply(1, 'a', 1, '', 'nobody'))).toBe(false);
    const old = await bind(medium);
    expect(link.send(encodeReply(1, 'a', 1, '', 'queued'))).toBe(true);
    await old.peer.close();
    const fresh = await bind(medium);
    expect(link.send(encodeReply(1, 'a', 1, '', 'stale'))).toBe(false);
    expect(link.send(encodeReply(2, 'a', 1, '', 'right'))).toBe(true);
    await turns(2);
    expect([...old.heard, ...fresh.heard]).toEqual(['a 1:1, right']);
    expect(link.counters).toMatchObject({ sent: 1, stale: 2, lost: 1 });
  });
});

describe('memoryTransport: sending', () => {
  it('drops what the server did not subscribe to, as SUB does', async () => {
    const medium = memoryTransport();
    const { heard } = await bind(medium, 'abc ');
    const { link } = await open(medium);
    for (const server of ['abcd', 'abc', 'ab']) link.send(encodeReply(1, server, 1, '', 'x'));
    await turns(1);
    expect(heard).toEqual(['abc 1:1, x']);
  });

  it('asks to wait when half full, refuses past the cap, and tells when there is room', async () => {
    const medium = memoryTransport();
    const { heard } = await bind(medium);
    const { link } = await open(medium, 1000);
    const send = (bytes: number) => link.send(encodeReply(1, 'a', 1, '', 'x'.repeat(bytes)));
    expect(send(300)).toBe(true);
    expect(send(300)).toBe(false);
    expect(send(500)).toBe(false);
    expect(link.counters.overflowed).toBe(1);
    let roomy = false;
    const drained = link.drained().then(() => {
      roomy = true;
    });
    expect(roomy).toBe(false);
    await drained;
    expect(heard).toHaveLength(2);
    // One that is larger than the cap goes out alone.
    expect(send(5000)).toBe(false);
    await link.drained();
    expect(heard).toHaveLength(3);
  });

  it('calls nobody from inside send()', async () => {
    const medium = memoryTransport();
    const { peer, heard } = await bind(medium);
    const { link, log } = await open(medium);
    peer.send(latin1Bytes('m'));
    link.send(encodeReply(1, 'a', 1, '', 'x'));
    expect([...heard, ...log]).toEqual([]);
    await turns(1);
    expect([...heard, ...log]).toHaveLength(3);
  });

  it('goes on replying after shutdown, and sends what is queued before it closes', async () => {
    const medium = memoryTransport();
    const { peer, heard } = await bind(medium);
    const { link, log } = await open(medium);
    peer.send(latin1Bytes('before'));
    await link.shutdown();
    peer.send(latin1Bytes('after'));
    await turns(1);
    expect(log.at(-1)).toBe('messages 1: before');
    link.send(encodeReply(1, 'a', 1, '', 'x'));
    await Promise.all([link.close(), link.close(), link.shutdown()]);
    expect(heard).toEqual(['a 1:1, x']);
    const next = await open(medium);
    await turns(1);
    expect(next.log).toEqual(["up 1 'a '", 'messages 1: after']);
  });

  it('opens nothing for a signal that was aborted', async () => {
    const medium = memoryTransport();
    const spec = {
      sendSpec: SocketSpec.parse('memory://s'),
      recvSpec: SocketSpec.parse('memory://r'),
      sendQueueBytes: 1,
      lingerMs: 0,
    };
    const receiver: LinkReceiver = { messages: () => {}, up: () => {}, down: () => {} };
    const reason = new Error('enough');
    await expect(medium.open({ ...spec, logger: silentLogger }, receiver, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
