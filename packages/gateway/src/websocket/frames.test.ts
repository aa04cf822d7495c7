import { eventually, turns } from '@m2/core/testing';
import { describe, expect, it } from 'vitest';
import { closeFrame, echo, frames, recording, serveSockets } from '../../test/websocket-harness.js';
import type { Message } from '../index.js';

// Numbers such as 1.1.2 are those of the Autobahn test suite's cases, whose rules these are.

const repeat = (size: number): string => 'abcdefghij'.repeat(Math.ceil(size / 10)).slice(0, size);

describe('messages (RFC 6455 section 5.6)', () => {
  it.each([0, 125, 126, 127, 128, 65_535, 65_536])('1.1.1 to 1.1.7: echoes a text of %i bytes', async (size) => {
    const { open } = await serveSockets(echo);
    const client = await open();
    const [frame] = await frames(client.frame(repeat(size)), 1);
    expect(frame).toMatchObject({ fin: true, rsv1: false, opcode: 1, text: repeat(size) });
  });

  it.each([0, 125, 126, 127, 128, 65_535, 65_536])('1.2.1 to 1.2.7: echoes %i bytes', async (size) => {
    const { open } = await serveSockets(echo);
    const client = await open();
    const bytes = new Uint8Array(size).map((_, at) => at % 256);
    const [frame] = await frames(client.frame(bytes, 0x82), 1);
    expect(frame).toMatchObject({ fin: true, opcode: 2 });
    expect(Buffer.compare(frame?.payload ?? new Uint8Array(1), bytes)).toBe(0);
  });

  it('echoes 10 MB, which goes out in pieces that every mode of Mongrel2 takes', async () => {
    for (const flowControl of [false, true]) {
      const { open, sockets } = await serveSockets(echo, { options: { maxPayload: 10_000_000 }, mongrel2: { flowControl } });
      const client = await open();
      const bytes = new Uint8Array(10_000_000).fill(7);
      const [frame] = await frames(client.frame(bytes, 0x82), 1);
      expect(frame?.payload.length).toBe(bytes.length);
      expect(Buffer.compare(frame?.payload ?? new Uint8Array(1), bytes)).toBe(0);
      expect(sockets.stats()).toMatchObject({ peers: 1, received: 1, sent: 1 });
    }
  });

  it('keeps the order of a burst', async () => {
    const { open } = await serveSockets(echo);
    const client = await open();
    for (let n = 0; n < 200; n++) client.frame(`message ${n}`);
    const echoed = await frames(client, 200);
    expect(echoed.map(({ text }) => text)).toEqual(Array.from({ length: 200 }, (_, n) => `message ${n}`));
    expect(client.closedBy).toBeUndefined();
  });

  it.each(['\u03ba\u1f79\u03c3\u03bc\u03b5', '\u{10ffff}', '\ufeffafter a BOM', '\ufffd', '\0'])(
    '6.2: echoes %j',
    async (text) => {
      const { open } = await serveSockets(echo);
      const [frame] = await frames((await open()).frame(text), 1);
      expect(frame).toMatchObject({ opcode: 1, text });
    },
  );

  it('gives messages as text, bytes and JSON, whichever they are', async () => {
    const seen: Message[] = [];
    const { open } = await serveSockets({ message: (_, message) => void seen.push(message) });
    const client = await open();
    client.frame('{"a":"\u00e4"}').frame('{"b":1}', 0x82);
    await eventually(() => seen.length === 2, 'both came');
    const [text, binary] = seen as [Message, Message];
    expect([text.type, text.data, text.json(), `${text}`]).toEqual(['text', '{"a":"\u00e4"}', { a: '\u00e4' }, '{"a":"\u00e4"}']);
    expect(Buffer.from(text.bytes()).toString()).toBe(text.data);
    expect([binary.type, binary.text(), binary.json()]).toEqual(['binary', '{"b":1}', { b: 1 }]);
    // Kept by the app, it must not keep what came with it.
    expect(binary.bytes().buffer.byteLength).toBeLessThanOrEqual(2 * binary.bytes().length);
  });

  it('sends strings as text, and buffers and views of any kind as binary', async () => {
    const words = new Uint16Array([1, 2, 3]);
    const { open } = await serveSockets({
      open(peer) {
        peer.send('lone \ud800 surrogate');
        peer.send(words.buffer);
        peer.send(words.subarray(1));
        peer.send(new DataView(words.buffer, 4));
      },
    });
    const sent = await frames(await open(), 4);
    expect(sent.map(({ opcode }) => opcode)).toEqual([1, 2, 2, 2]);
    expect(sent[0]?.text).toBe('lone \ufffd surrogate');
    expect(sent.slice(1).map(({ payload }) => [...payload])).toEqual([
      [1, 0, 2, 0, 3, 0],
      [2, 0, 3, 0],
      [3, 0],
    ]);
  });
});

describe('control frames (RFC 6455 section 5.5)', () => {
  it.each(['', 'hello', '\0\xff\xfe\xfd\xfc\xfb\0\xff', 'x'.repeat(125)])(
    '2.1 to 2.4: answers a ping of %j with its bytes',
    async (text) => {
      const payload = Buffer.from(text, 'latin1');
      const { open } = await serveSockets({});
      const [pong] = await frames((await open()).frame(payload, 0x89), 1);
      expect(pong?.opcode).toBe(10);
      expect([...(pong?.payload ?? [])]).toEqual([...payload]);
    },
  );

  it('2.7 to 2.9: takes pongs that nobody asked for', async () => {
    const { open, sockets } = await serveSockets(echo);
    const client = (await open()).frame('', 0x8a).frame('unasked', 0x8a).frame('', 0x89).frame('still here');
    expect((await frames(client, 2)).map(({ opcode }) => opcode)).toEqual([10, 1]);
    expect(sockets.stats()).toMatchObject({ received: 1, violations: 0 });
  });

  it('sends pings, at most 125 bytes long', async () => {
    const hooks = recording();
    const { open } = await serveSockets(hooks);
    const client = await open();
    const [peer] = hooks.peers;
    expect(peer?.ping()).toBe(true);
    expect(peer?.ping('\u00e4')).toBe(true);
    expect(() => peer?.ping(new Uint8Array(126))).toThrow(expect.objectContaining({ code: 'M2_BAD_REPLY' }));
    expect((await frames(client, 2)).map(({ opcode, text }) => [opcode, text])).toEqual([
      [9, ''],
      [9, '\u00e4'],
    ]);
  });
});

/** Bytes that are not UTF-8: a surrogate, an overlong slash, a lone continuation, a cut sequence, beyond U+10FFFF. */
const NOT_UTF8 = ['eda080', 'c0af', '80', 'f09f98', 'f4908080', '68c3'];

const VIOLATIONS: readonly (readonly [name: string, flags: number, payload: string | Uint8Array, code: number])[] = [
  ['3.1: RSV1', 0xc1, 'x', 1002],
  ['3.2: RSV2', 0xa1, 'x', 1002],
  ['3.3: RSV3', 0x91, 'x', 1002],
  ['3.4: RSV on a ping', 0xc9, '', 1002],
  ['3.5: RSV on a close', 0xb8, '', 1002],
  ['4.1.1: opcode 3', 0x83, '', 1002],
  ['4.1.5: opcode 7', 0x87, 'x', 1002],
  ['4.2.1: opcode 11', 0x8b, '', 1002],
  ['4.2.5: opcode 15', 0x8f, 'x', 1002],
  ['5.x: a continuation of nothing', 0x80, 'x', 1002],
  ['2.5: a ping of 126 bytes', 0x89, new Uint8Array(126), 1002],
  ['7.3.2: a close of one byte', 0x88, new Uint8Array([3]), 1002],
  ['7.3.6: a close of 126 bytes', 0x88, new Uint8Array(126).fill(0x61), 1002],
  ['7.5.1: a close reason that is not UTF-8', 0x88, new Uint8Array([3, 0xe8, 0xff]), 1007],
  ...[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535].map(
    (code) => [`7.9: close code ${code}`, 0x88, new Uint8Array([code >> 8, code & 255]), 1002] as const,
  ),
  ...NOT_UTF8.map((hex) => [`6.3 to 6.21: a text of ${hex}`, 0x81, Buffer.from(hex, 'hex'), 1007] as const),
  ['10: a message over the limit', 0x82, new Uint8Array(1001), 1009],
];

describe('violations (RFC 6455 section 7.1.7)', () => {
  it.each(VIOLATIONS)('%s', async (_, flags, payload, code) => {
    const hooks = recording();
    const { open, sockets, mongrel2 } = await serveSockets(hooks, { options: { maxPayload: 1000 } });
    const client = (await open()).frame('before').frame(payload, flags);
    expect(await client.closed).toBe('handler');
    expect(closeFrame(client).code).toBe(code);
    expect(hooks.events).toEqual([
      'open',
      'message before',
      expect.stringContaining(`error The WebSocket PEER was closed with ${code}: `),
      expect.stringMatching(`^close ${code} `),
    ]);
    expect(sockets.stats()).toMatchObject({ peers: 0, opened: 1, violations: 1 });
    await turns(3);
    expect(mongrel2.counters).toMatchObject({ late: 0, badReplies: 0 });
  });

  it('takes what is just within the limit', async () => {
    const { open } = await serveSockets(echo, { options: { maxPayload: 1000 } });
    const client = (await open()).frame(new Uint8Array(1000), 0x82);
    expect((await frames(client, 1))[0]?.payload.length).toBe(1000);
  });

  it('hands over nothing that comes after, and does not log what any client could cause', async () => {
    const events: string[] = [];
    const { open, lines } = await serveSockets({ message: (_, { data }) => void events.push(`${data}`) });
    const client = (await open()).frame('a').frame('', 0x83).frame('b').frame('c');
    expect(await client.closed).toBe('handler');
    await turns(5);
    expect(events).toEqual(['a']);
    expect(lines.filter(({ level }) => level !== 'debug')).toEqual([]);
    expect(client.frames).toHaveLength(1);
  });
});
