import { encodeFrame, frameHeader, Opcode } from '@m2/core';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { within } from '../test/support/deadline.js';
import { type RawHandler, startPair, startWithClient, stopPairs } from '../test/support/raw-handler.js';
import { TcpClient } from '../test/support/tcp-client.js';
import { acceptValue } from './websocket.js';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const UPGRADE = `Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n`;
const HANDSHAKE = `GET /ws HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`;
const frame = (first: number, text: string) => `${String.fromCharCode(first, 0x80 | text.length)}\x01\x02\x03\x04${mask(text)}`;
const mask = (text: string) =>
  Buffer.from(Buffer.from(text, 'latin1').map((byte, at) => byte ^ ((at & 3) + 1))).toString('latin1');
const switching = (accept: string, more = '') =>
  `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${more}\r\n`;

/** Flags and payload of the frames that came. */
const frames = ({ seen }: RawHandler) =>
  seen.flatMap((message) =>
    message.kind === 'websocket' ? [[message.flags, Buffer.from(message.body).toString('latin1')]] : [],
  );

const event = (socket: WebSocket, name: string) =>
  within(new Promise<unknown[]>((resolve) => socket.once(name, (...args: unknown[]) => resolve(args))), `the client's ${name}`);

afterEach(stopPairs);

describe('a WebSocket client', () => {
  it('talks with a handler that writes the 101 and the frames itself', async () => {
    const { front, handler } = await startPair();
    const socket = new WebSocket(`${front.url.replace('http', 'ws')}/chat`, { perMessageDeflate: false });
    const { id, accept, path } = await handler.message(1, 'websocket-handshake');
    expect(path).toBe('/chat');
    handler.reply(id, switching(accept));
    await event(socket, 'open');
    socket.send('hällo');
    const text = await handler.message(2, 'websocket');
    expect([text.flags, Buffer.from(text.body).toString()]).toEqual([0x81, 'hällo']);
    const heard = event(socket, 'message');
    handler.reply(id, encodeFrame(Opcode.text, Buffer.from('salut')));
    expect(String((await heard)[0])).toBe('salut');
    const big = Buffer.alloc(10 * 1024 * 1024, 7);
    socket.send(big.subarray(0, 1000), { fin: false, binary: true });
    socket.ping('between');
    socket.send(big.subarray(1000), { fin: true, binary: true });
    expect((await handler.message(3, 'websocket')).flags).toBe(0x89);
    const joined = await handler.message(4, 'websocket');
    expect([joined.flags, Buffer.compare(joined.body, big)]).toEqual([0x82, 0]);
    const closed = event(socket, 'close');
    socket.close(4000, 'bye');
    expect((await handler.message(5, 'websocket')).opcode).toBe(Opcode.close);
    handler.reply(id, encodeFrame(Opcode.close, Buffer.from('\x0f\xa0bye', 'latin1')));
    handler.close(id);
    expect((await closed)[0]).toBe(4000);
  });

  it('can use permessage-deflate, which passes through', async () => {
    const { front, handler } = await startPair();
    const socket = new WebSocket(`${front.url.replace('http', 'ws')}/`, {
      perMessageDeflate: { threshold: 0, clientNoContextTakeover: true },
    });
    const { id, accept } = await handler.message(1, 'websocket-handshake');
    handler.reply(id, switching(accept, 'Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n'));
    await event(socket, 'open');
    socket.send('compress me');
    const { flags, body } = await handler.message(2, 'websocket');
    expect(flags).toBe(0xc1);
    const heard = event(socket, 'message');
    handler.reply(id, Buffer.concat([Buffer.from(frameHeader(Opcode.text, body.length, true), 'latin1'), body]));
    expect(String((await heard)[0])).toBe('compress me');
    socket.terminate();
  });
});

describe('frames', () => {
  it('that come before the answer are passed on, even in one write with the handshake', async () => {
    const { front, handler } = await startPair();
    await TcpClient.open(front, HANDSHAKE + frame(0x81, 'now'));
    await handler.count(2);
    expect(handler.seen[0]?.kind).toBe('websocket-handshake');
    expect(frames(handler)).toEqual([[0x81, 'now']]);
  });

  it('keep RSV bits, reserved opcodes and invalid UTF-8', async () => {
    const { front, handler } = await startPair();
    await TcpClient.open(
      front,
      HANDSHAKE + frame(0xc1, '\xff') + frame(0x83, 'x') + frame(0x8b, '') + frame(0x42, 'a') + frame(0x80, 'b'),
    );
    await handler.count(5);
    expect(frames(handler)).toEqual([
      [0xc1, '\xff'],
      [0x83, 'x'],
      [0x8b, ''],
      [0xc2, 'ab'],
    ]);
  });

  it('carry the headers of the handshake, the window included', async () => {
    const { front, handler } = await startPair({ settings: { 'download.flow_control': 1 } });
    await TcpClient.open(front, HANDSHAKE + frame(0x81, 'x'));
    expect((await handler.message(1, 'websocket-handshake')).downloadCredits).toBe(102_400);
    const { meta, headers } = await handler.message(2, 'websocket');
    expect([meta.DOWNLOAD_CREDITS, headers.get('sec-websocket-key')]).toEqual(['102400', KEY]);
  });

  it('are what the client sends after a refusal, too', async () => {
    const { front, handler } = await startPair();
    const client = await TcpClient.open(front, HANDSHAKE);
    const { id } = await handler.message(1, 'websocket-handshake');
    handler.reply(id, 'HTTP/1.1 403 no\r\n\r\n');
    await client.ends('\r\n\r\n');
    client.send(frame(0x81, 'still'));
    await handler.message(2, 'websocket');
    handler.close(id);
    await client.end();
  });

  it.each([
    ['unmasked ones', '\x81\x02hi'],
    ['a continuation of nothing', frame(0x80, 'x')],
    ['a new message inside another', frame(0x01, 'a') + frame(0x81, 'b')],
    ['a fragmented control frame', frame(0x09, 'x')],
    ['a long control frame', `\x89\xfe\x00\x7e\0\0\0\0${'x'.repeat(126)}`],
    ['a message of 2^62 bytes', '\x82\xff\x40\0\0\0\0\0\0\0\0\0\0\0'],
  ])('close the connection with a notice: %s', async (_name, bytes) => {
    const { front, handler } = await startPair();
    const client = await TcpClient.open(front, HANDSHAKE);
    await handler.count(1);
    client.send(bytes);
    expect(await client.end()).toBe('');
    await handler.message(2, 'disconnect');
  });
});

describe('a handshake', () => {
  it('has the accept value of RFC 6455', () => {
    expect(acceptValue(KEY)).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  });

  it('on a connection that had a request before is dropped without a word', async () => {
    const { front, handler, client } = await startWithClient();
    client.send(HANDSHAKE);
    expect(await client.end()).toBe('');
    expect(handler.raw).toHaveLength(1);
    expect(front.stats.notices).toBe(0);
  });
});
