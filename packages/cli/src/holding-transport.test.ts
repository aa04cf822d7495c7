import {
  encodeNotice,
  encodeReply,
  encodeRequest,
  joinReply,
  type PeerLink,
  type PeerReceiver,
  type PeerTransport,
} from '@m2/core';
import { describe, expect, it } from 'vitest';
import { HoldingTransport } from './holding-transport.js';

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

/** The connection id and what comes after it, of each message that went through. */
async function setup() {
  const sent: string[] = [];
  const received: Uint8Array[] = [];
  let closed = 0;
  const link: PeerLink = {
    sendSpec: 'memory://send',
    recvSpec: 'memory://recv',
    send: (message) => sent.push(/^\S+ (\d+ \S+)/.exec(text(message))?.[1] ?? text(message)) > 0,
    close: async () => {
      closed++;
    },
  };
  let receiver: PeerReceiver | undefined;
  const inner: PeerTransport = {
    name: 'inner',
    async bind(_spec, given) {
      receiver = given;
      return link;
    },
  };
  const transport = new HoldingTransport(inner);
  const bound = await transport.bind(
    { sendSpec: '', recvSpec: '', recvIdent: '' },
    { replies: (batch) => received.push(...batch) },
  );
  const answer = (...ids: number[]) => receiver?.replies([joinReply(encodeReply(1, 'm2', ids, '', 'x'))]);
  return { transport, bound, sent, received, answer, closed: () => closed };
}

const request = (id: number, path = '/') =>
  encodeRequest(
    {
      server: 'm2',
      id,
      path,
      meta: [
        ['METHOD', 'GET'],
        ['VERSION', 'HTTP/1.1'],
        ['URI', path],
      ],
      headers: [['host', 'h']],
      body: new Uint8Array(),
    },
    'json',
  );
const more = (id: number) => encodeNotice('m2', id, { credits: 1 }, 'json');
const gone = (id: number) => encodeNotice('m2', id, 'disconnect', 'json');

describe('HoldingTransport', () => {
  it('changes nothing while it does not hold', async () => {
    const { transport, bound, sent, closed } = await setup();
    expect([transport.name, bound.sendSpec, bound.recvSpec]).toEqual(['inner', 'memory://send', 'memory://recv']);
    expect(bound.send(request(1))).toBe(true);
    expect(sent).toEqual(['1 /']);
    await bound.close();
    expect(closed()).toBe(1);
  });

  it('holds new requests back, and sends them in their order when released', async () => {
    const { transport, bound, sent } = await setup();
    transport.hold();
    for (const id of [3, 1, 2]) expect(bound.send(request(id, `/${id}`))).toBe(true);
    expect(sent).toEqual([]);
    transport.release();
    expect(sent).toEqual(['3 /3', '1 /1', '2 /2']);
    bound.send(request(4));
    expect(sent.at(-1)).toBe('4 /');
  });

  it('lets pass what belongs to a request that was sent, but nothing that would overtake one that waits', async () => {
    const { transport, bound, sent } = await setup();
    bound.send(request(1));
    transport.hold();
    bound.send(request(2));
    bound.send(gone(1));
    bound.send(gone(2));
    expect(sent).toEqual(['1 /', '1 @*']);
    transport.release();
    expect(sent).toEqual(['1 /', '1 @*', '2 /', '2 @*']);
  });

  it('takes no more than its bounds', async () => {
    const { transport, bound, sent } = await setup();
    transport.hold();
    let taken = 0;
    while (taken < 2000 && bound.send(request(taken + 1))) taken++;
    expect(taken).toBe(500);
    transport.release();
    expect(sent).toHaveLength(500);
    transport.hold();
    expect(bound.send(request(1))).toBe(true);
  });

  it('sends to the next handler what one that ended in order has not answered, before what waited', async () => {
    const { transport, bound, sent, received, answer } = await setup();
    for (const id of [1, 2, 3, 4]) bound.send(request(id));
    answer(1);
    transport.hold();
    bound.send(request(5));
    bound.send(gone(3));
    transport.ended(true);
    // It was on its way when the handler ended.
    answer(4);
    sent.length = 0;
    transport.release();
    expect(sent).toEqual(['2 /', '5 /']);
    expect(received).toHaveLength(2);
    transport.hold();
    transport.ended(true);
    transport.release();
    expect(sent).toEqual(['2 /', '5 /', '2 /', '5 /']);
  });

  it('sends what followed a request again with it', async () => {
    const { transport, bound, sent } = await setup();
    bound.send(request(1));
    bound.send(more(1));
    bound.send(more(2));
    transport.hold();
    transport.ended(true);
    sent.length = 0;
    transport.release();
    expect(sent).toEqual(['1 /', '1 @*']);
  });

  it('sends nothing twice to the next handler when the one before broke', async () => {
    const { transport, bound, sent } = await setup();
    bound.send(request(1));
    transport.hold();
    bound.send(request(2));
    transport.ended(false);
    sent.length = 0;
    transport.release();
    expect(sent).toEqual(['2 /']);
  });

  it('passes on what it cannot read', async () => {
    const { transport, bound, sent } = await setup();
    transport.hold();
    expect(bound.send(new TextEncoder().encode('nonsense'))).toBe(true);
    expect(sent).toEqual(['nonsense']);
  });

  it('forgets what waits when it is closed', async () => {
    const { transport, bound, sent } = await setup();
    transport.hold();
    bound.send(request(1));
    await bound.close();
    transport.release();
    expect(sent).toEqual([]);
  });
});
