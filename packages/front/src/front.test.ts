import { afterEach, describe, expect, it } from 'vitest';
import { startPair, stopPairs } from '../test/support/raw-handler.js';
import { TcpClient } from '../test/support/tcp-client.js';
import { startFront } from './front.js';

afterEach(stopPairs);

const GET = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: front\r\n${more}\r\n`;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a connection', () => {
  it('is one id for its whole life, counted from 1 for each TCP connection', async () => {
    const { front, handler } = await startPair();
    const first = await TcpClient.open(front, GET('/a'));
    expect((await handler.message(1, 'http')).id).toBe(1);
    handler.reply(1, OK);
    await first.ends(OK);
    first.send(GET('/b'));
    expect(await handler.message(2, 'http')).toMatchObject({ id: 1, path: '/b' });
    await TcpClient.open(front, GET('/c'));
    expect((await handler.message(3, 'http')).id).toBe(2);
    expect(front.stats).toMatchObject({ accepted: 2, open: 2, messages: 3 });
  });

  it('passes on pipelined requests at once, and writes answers in the order of the replies', async () => {
    const { front, handler } = await startPair();
    const client = await TcpClient.open(front, GET('/1') + GET('/2') + GET('/3'));
    await handler.message(3, 'http');
    expect(handler.seen.map((message) => message.path)).toEqual(['/1', '/2', '/3']);
    for (const text of ['one', 'two', 'three']) handler.reply(1, text);
    await client.ends('onetwothree');
    client.send(GET('/4'));
    expect(await handler.message(4, 'http')).toMatchObject({ id: 1, path: '/4' });
  });

  it('writes replies as they are, and adds nothing', async () => {
    const { front, handler } = await startPair();
    const client = await TcpClient.open(front, GET('/'));
    await handler.message(1, 'http');
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    handler.reply(1, bytes);
    handler.close(1);
    expect(await client.end()).toBe(Buffer.from(bytes).toString('latin1'));
  });

  it('goes on after HTTP/1.0 with keep-alive, and after an answered 100-continue', async () => {
    const { front, handler } = await startPair();
    const client = await TcpClient.open(front, 'GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect((await handler.message(1, 'http')).version).toBe('HTTP/1.0');
    client.send('POST /b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
    await client.ends('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('hi');
    expect(Buffer.from((await handler.message(2, 'http')).body).toString()).toBe('hi');
    client.send(GET('/c'));
    expect((await handler.message(3, 'http')).path).toBe('/c');
  });

  it('stays open after Connection: close until the handler closes', async () => {
    const { front, handler } = await startPair();
    const client = await TcpClient.open(front, GET('/', 'Connection: close\r\n'));
    await handler.message(1, 'http');
    handler.reply(1, OK);
    await client.ends(OK);
    handler.reply(1, 'more');
    await client.ends('more');
    handler.close(1);
    expect(await client.end()).toBe(`${OK}more`);
  });

  it('passes a request on that would upgrade to something else than WebSocket, and what comes behind it', async () => {
    const { front, handler } = await startPair();
    const upgrade =
      'POST /h2 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc';
    await TcpClient.open(front, GET('/1') + upgrade + GET('/3'));
    const message = await handler.message(2, 'http');
    expect(message.headers.get('upgrade')).toBe('h2c');
    expect(Buffer.from(message.body).toString()).toBe('abc');
    expect((await handler.message(3, 'http')).path).toBe('/3');
  });
});

describe('what the front answers itself', () => {
  it.each([
    ['404 when no route matches, and CONNECT', 'GET /other HTTP/1.1\r\nHost: x\r\n\r\n', 404],
    ['404 for CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n', 404],
    ['400 for a request line that Mongrel2 refuses', GET('/app/<x>'), 400],
    ['400 for a bad percent-escape', GET('/app/%zz'), 400],
    ['400 for what is not HTTP', 'nonsense\r\n\r\n', 400],
    ['400 for a head longer than limits.buffer_size', GET('/app/', `X-Long: ${'x'.repeat(5000)}\r\n`), 400],
    ['413 for a long body', 'POST /app/ HTTP/1.1\r\nHost: x\r\nContent-Length: 20481\r\n\r\n', 413],
    ['413 for a chunked body', 'POST /app/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n', 413],
    ['417 for another expectation', GET('/app/', 'Expect: magic\r\n'), 417],
  ])('%s', async (_name, request, status) => {
    const { front, handler } = await startPair({ handlers: { path: '/app/' } });
    const client = await TcpClient.open(front, request);
    expect(await client.end()).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\\r\\nConnection: close\\r\\n[\\s\\S]*\\r\\n\\r\\n.+$`),
    );
    expect(handler.raw).toEqual([]);
    expect(front.stats.refused).toBe(1);
  });
});

describe('startFront', () => {
  it('says where it listens and what it is for', async () => {
    const lines: string[] = [];
    const logger = { debug() {}, info: (text: string) => void lines.push(text), warn() {}, error() {} };
    const { front } = await startPair({ logger, handlers: [{ path: ['/a', '/b'] }, { path: '/c', protocol: 'tnetstring' }] });
    expect(front.url).toBe(`http://127.0.0.1:${front.port}`);
    expect(front.handlers).toEqual([
      {
        sendSpec: 'memory://send-0',
        recvSpec: 'memory://recv-0',
        sendIdent: 'front-0',
        recvIdent: 'front-0 ',
        protocol: 'json',
        paths: ['/a', '/b'],
      },
      {
        sendSpec: 'memory://send-1',
        recvSpec: 'memory://recv-1',
        sendIdent: 'front-1',
        recvIdent: 'front-1 ',
        protocol: 'tnetstring',
        paths: ['/c'],
      },
    ]);
    expect(lines).toEqual([expect.stringMatching(/listens on http:.*try m2 or test; do not put it in front of the public/)]);
  });

  it('refuses bad options, and a port that is taken', async () => {
    const { front } = await startPair();
    const refused = (options: Parameters<typeof startFront>[0], code: string) =>
      expect(startFront(options)).rejects.toMatchObject({ code });
    await refused({ handlers: { sendIdent: 'a_b' } }, 'M2_OPTION_INVALID');
    await refused({ handlers: { protocol: 'xml' as 'json' } }, 'M2_OPTION_INVALID');
    await refused({ handlers: { path: 'a' } }, 'M2_OPTION_INVALID');
    await refused({ settings: { 'limits.content_length': -1 } }, 'M2_OPTION_INVALID');
    await refused({ handlers: [], port: front.port }, 'M2_SOCKET_FAILED');
  });

  it('closes every client and tells their handlers', async () => {
    const { front, handler } = await startPair();
    const client = await TcpClient.open(front, GET('/'));
    await handler.message(1, 'http');
    await front.close();
    await front.close();
    await client.end();
    expect(await handler.message(2, 'disconnect')).toMatchObject({ id: 1 });
    expect(front.stats.open).toBe(0);
  });
});
