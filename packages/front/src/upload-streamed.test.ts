import { afterEach, describe, expect, it } from 'vitest';
import { type RawHandler, startPair, stopPairs } from '../test/support/raw-handler.js';
import { TcpClient } from '../test/support/tcp-client.js';

const settings = { 'upload.stream': 1 } as const;
const post = (headers: string) => `POST /up HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`;
const NEXT = 'GET /next HTTP/1.1\r\nHost: x\r\n\r\n';

/** What came: kind, offset, done and how many bytes. */
const parts = ({ seen }: RawHandler) =>
  seen.map((message) => {
    if (message.kind === 'upload-part') return ['part', message.offset, message.done, message.body.length];
    if (message.kind === 'http' && message.upload?.type === 'stream') {
      return ['head', message.upload.offset, message.upload.done, message.body.length];
    }
    return [message.kind];
  });

afterEach(stopPairs);

describe('a streamed upload with a length', () => {
  it('brings what came with the head, then parts within credits and limits.content_length, then the next request', async () => {
    const { front, handler } = await startPair({ settings });
    const client = await TcpClient.open(front, `${post('Content-Length: 50000')}${'a'.repeat(5000)}`);
    const { id } = await handler.message(1, 'http');
    // No more than limits.buffer_size.
    expect(parts(handler)).toEqual([['head', 0, false, 4096]]);
    client.send(`${'b'.repeat(45_000)}${NEXT}`);
    handler.control(id, { credits: 100 });
    await handler.count(2);
    handler.control(id, { credits: 45_804 });
    await handler.message(6, 'http');
    expect(parts(handler).slice(1, 3)).toEqual([
      ['part', 4096, false, 100],
      ['part', 4196, false, 20_480],
    ]);
    expect(parts(handler).slice(-2)).toEqual([['part', 45_156, true, 4844], ['http']]);
    const body = handler.seen.map((message) => Buffer.from(message.body).toString('latin1')).join('');
    expect(body).toBe(`${'a'.repeat(5000)}${'b'.repeat(45_000)}`);
  });

  it('can be done with its first message', async () => {
    const { front, handler } = await startPair({ settings: { ...settings, 'limits.content_length': 10 } });
    await TcpClient.open(front, `${post('Content-Length: 11')}hello world${NEXT}`);
    await handler.count(2);
    expect(parts(handler)).toEqual([['head', 0, true, 11], ['http']]);
  });

  it('leaves short bodies as they are', async () => {
    const { front, handler } = await startPair({ settings });
    await TcpClient.open(front, `${post('Content-Length: 5')}hello`);
    expect((await handler.message(1, 'http')).upload).toBeUndefined();
  });

  it('holds the client back while credits are short', async () => {
    const { front, handler } = await startPair({ settings });
    const size = 64 * 1024 * 1024;
    const client = await TcpClient.open(front, post(`Content-Length: ${size}`));
    const { id } = await handler.message(1, 'http');
    const drained = new Promise<void>((resolve) => client.socket.once('drain', resolve));
    expect(client.socket.write(Buffer.alloc(size))).toBe(false);
    handler.control(id, { credits: 100_000 });
    await handler.count(3);
    // What the front and both kernels hold is far from all of it.
    expect(client.socket.writableLength).toBeGreaterThan(size / 2);
    handler.control(id, { credits: size });
    await drained;
  });
});

describe('a streamed upload in chunks', () => {
  it('begins with the head alone, brings whole chunks beyond its credits, and ends with an empty part', async () => {
    const { front, handler } = await startPair({ settings });
    await TcpClient.open(front, `${post('Transfer-Encoding: chunked')}5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n${NEXT}`);
    const { id } = await handler.message(1, 'http');
    handler.control(id, { credits: 3 });
    await handler.count(2);
    // Two below zero: this brings nothing.
    handler.control(id, { credits: 2 });
    handler.control(id, { credits: 1 });
    await handler.count(3);
    expect(parts(handler)).toEqual([
      ['head', 0, false, 0],
      ['part', 0, false, 5],
      ['part', 5, false, 6],
    ]);
    handler.control(id, { credits: 100 });
    await handler.count(5);
    expect(parts(handler).slice(3)).toEqual([['part', 11, true, 0], ['http']]);
  });
});

describe('a client that leaves in the middle of a streamed upload', () => {
  it('is noticed when credits come', async () => {
    const { front, handler } = await startPair({ settings });
    const client = await TcpClient.open(front, `${post('Content-Length: 30000')}aaa`);
    const { id } = await handler.message(1, 'http');
    client.leave();
    // Another client's request shows that time has passed.
    await TcpClient.open(front, NEXT);
    await handler.message(2, 'http');
    expect(front.stats.notices).toBe(0);
    handler.control(id, { credits: 10 });
    expect((await handler.message(3, 'disconnect')).id).toBe(id);
  });

  it('is noticed at once when the handler owes nothing', async () => {
    const { front, handler } = await startPair({ settings });
    const client = await TcpClient.open(front, `${post('Content-Length: 30000')}aaa`);
    const { id } = await handler.message(1, 'http');
    handler.control(id, { credits: 10 });
    client.send('bb');
    await handler.count(2);
    client.leave();
    await handler.message(3, 'disconnect');
  });

  it('having sent all of it is noticed at its end', async () => {
    const { front, handler } = await startPair({ settings });
    const client = await TcpClient.open(front, `${post('Content-Length: 30000')}${'a'.repeat(30_000)}`);
    const { id } = await handler.message(1, 'http');
    client.socket.end();
    handler.control(id, { credits: 30_000 });
    await handler.message(4, 'disconnect');
    expect(parts(handler)).toEqual([
      ['head', 0, false, 4096],
      ['part', 4096, false, 20_480],
      ['part', 24_576, true, 5424],
      ['disconnect'],
    ]);
  });

  it('is closed by the handler without a notice', async () => {
    const { front, handler } = await startPair({ settings });
    const client = await TcpClient.open(front, post('Transfer-Encoding: chunked'));
    const { id } = await handler.message(1, 'http');
    handler.reply(id, 'HTTP/1.1 413 no\r\n\r\n');
    handler.close(id);
    expect(await client.end()).toBe('HTTP/1.1 413 no\r\n\r\n');
    expect(front.stats.notices).toBe(0);
  });
});
