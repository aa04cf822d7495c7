import { afterEach, describe, expect, it } from 'vitest';
import { startPair, stopPairs } from '../test/support/raw-handler.js';
import { TcpClient } from '../test/support/tcp-client.js';

const post = (headers: string, body = '') => `POST / HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`;
const NEXT = 'GET /next HTTP/1.1\r\nHost: x\r\n\r\n';

afterEach(stopPairs);

describe('node:http does not let through', () => {
  it.each([
    ['control bytes in values', 'GET / HTTP/1.1\r\nX: a\x01b\r\n\r\n'],
    ['methods that it does not know', 'BREW / HTTP/1.1\r\n\r\n'],
    ['targets without a slash', 'GET foo/bar HTTP/1.1\r\n\r\n'],
    ['two lengths', post('Content-Length: 1\r\nContent-Length: 1', 'x')],
    ['a length that is no number', post('Content-Length: 3abc', 'xyz')],
    ['a length beyond 64 bits', post('Content-Length: 99999999999999999999', 'x')],
    ['a length and chunks', post('Content-Length: 3\r\nTransfer-Encoding: chunked', '0\r\n\r\n')],
    ['codings without chunked', post('Transfer-Encoding: gzip')],
    ['a broken chunk', post('Transfer-Encoding: chunked', 'zz\r\n')],
    ['other versions', 'GET / HTTP/2.0\r\n\r\n'],
  ])('%s', async (_name, request) => {
    const { front, handler } = await startPair({ settings: { 'upload.stream': 1 } });
    const client = await TcpClient.open(front, request);
    expect(await client.end()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(handler.raw.filter((message) => !message.includes(' @* '))).toEqual([]);
  });
});

describe('node:http changes', () => {
  it('blanks around values, and skips blank lines before a request', async () => {
    const { front, handler } = await startPair();
    await TcpClient.open(front, '\r\n\r\nGET / HTTP/1.1\r\nX-A:   v   \r\nX-Tab: a\tb\r\nX-Empty:\r\n\r\n');
    const { headers } = await handler.message(1, 'http');
    expect([headers.get('x-a'), headers.get('x-tab'), headers.get('x-empty')]).toEqual(['v', 'a\tb', '']);
  });
});

describe('a head', () => {
  it('may come in many pieces', async () => {
    const { front, handler } = await startPair();
    const client = await TcpClient.open(front);
    for (const char of NEXT) {
      await new Promise<void>((resolve) => client.socket.write(char, () => resolve()));
    }
    expect((await handler.message(1, 'http')).path).toBe('/next');
  });

  it('may follow Connection: close and HTTP/1.0, at once or later', async () => {
    const { front, handler } = await startPair();
    const client = await TcpClient.open(front, `POST /1 HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi${NEXT}`);
    await handler.count(2);
    client.send('GET /3 HTTP/1.1\r\nConnection: close\r\n\r\n');
    await handler.count(3);
    client.send(NEXT);
    await handler.count(4);
    expect(handler.seen.map(({ id, path }) => [id, path])).toEqual(['/1', '/next', '/3', '/next'].map((path) => [1, path]));
  });
});
