import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FrontOptions } from '../src/index.js';
import { type RawHandler, startPair, stopPairs } from './support/raw-handler.js';
import { TcpClient } from './support/tcp-client.js';

const CAPTURES = new URL('../../core/test/captures/', import.meta.url);
/** Messages that a real Mongrel2 sent, by the number that their file names begin with. */
const captured = new Map(
  readdirSync(CAPTURES)
    .filter((name) => name.endsWith('.bin'))
    .map((name) => [name.slice(0, 2), readFileSync(new URL(name, CAPTURES), 'latin1')]),
);

const UUID_JSON = '34f9ceee-cd52-4b7f-b197-88bf2f0ec378';
const UUID_TNET = '54c6755b-9628-40a4-9a2d-cc82a816345e';
const HANDLERS: FrontOptions['handlers'] = [
  { path: ['/json/', '*'], sendIdent: UUID_JSON },
  { path: '/tnet/', sendIdent: UUID_TNET, protocol: 'tnetstring' },
];
const STREAMED: FrontOptions = {
  handlers: [
    { path: '/json/', sendIdent: 'st-json' },
    { path: '/tnet/', sendIdent: 'st-tnet', protocol: 'tnetstring' },
  ],
  settings: { 'upload.stream': 1 },
};
const CONTROLLED: FrontOptions = {
  handlers: [
    { path: '/json/', sendIdent: 'fc-json' },
    { path: '/tnet/', sendIdent: 'fc-tnet', protocol: 'tnetstring' },
  ],
  settings: { 'download.flow_control': 1 },
};

/** Connection ids and the names of temporary files differ from run to run. */
const normal = (message: string | undefined) =>
  message
    ?.replace(/^(\S+) \d+ /, '$1 ID ')
    .replace(/\/[^"]*\/up\.\w{6}/g, '/uploads/up.XXXXXX')
    .replace(/(?<=^\S+ ID \S+ )\d+(?=:\{"PATH":"\/json\/up")/, 'LEN');

const expectCaptured = (handler: RawHandler, numbers: readonly string[]) =>
  expect(handler.raw.map(normal)).toEqual(numbers.map((number) => normal(captured.get(number))));

const head = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'Host: localhost:7100', ...headers, '', ''].join('\r\n');
const curl = ['User-Agent: curl/7.88.1', 'Accept: */*'];
const multi = ['X-Multi: one', 'X-Multi: two', 'X-MULTI: three', 'Cookie: a=1', 'Cookie: b=2'];
const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at)).toString('latin1');
const upgrade = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
];
const forty = Array.from({ length: 40 }, (_, at) => `X-H${`${at}`.padStart(2, '0')}: ${'v'.repeat(60)}`);

const plain: [name: string, numbers: string[], handler: number, request: string][] = [
  ['a plain GET', ['01'], 0, head('GET /json/hello', ...curl)],
  ['the same as tnetstring', ['02'], 1, head('GET /tnet/hello', ...curl)],
  ['a query', ['03'], 0, head('GET /json/search?q=a%20b&r=1&r=2')],
  ['an empty query', ['04'], 0, head('GET /json/search?')],
  ['repeated headers', ['05'], 0, head('GET /json/dup', ...multi)],
  ['repeated headers as tnetstring', ['06'], 1, head('GET /tnet/dup', ...multi)],
  [
    'a form',
    ['08'],
    0,
    `${head('POST /json/form', 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: 11')}a=1&b=hello`,
  ],
  [
    'a binary body',
    ['09'],
    0,
    `${head('POST /json/bin', 'Content-Type: application/octet-stream', 'Content-Length: 256')}${bytes}`,
  ],
  ['HEAD', ['11'], 0, head('HEAD /json/head')],
  ['HTTP/1.0 without Host', ['12'], 0, 'GET /json/old HTTP/1.0\r\n\r\n'],
  [
    'bytes above 7F, quotes and backslashes',
    ['14'],
    0,
    head('GET /json/%E2%82%AC/caf%C3%A9', 'X-Utf8: \xe2\x82\xac', 'X-Latin1: caf\xe9', 'X-Quote: "\\'),
  ],
  ['forty headers', ['18'], 0, head('GET /json/big', ...forty)],
  [
    'hostile names',
    ['19'],
    0,
    head('GET /json/h', '__proto__: x', 'constructor: y', 'METHOD: EVIL', 'REMOTE_ADDR: 6.6.6.6', 'X-Forwarded-For: 6.6.6.6'),
  ],
  [
    'three pipelined requests',
    ['20', '21', '22'],
    0,
    `${head('GET /json/one')}${head('POST /json/two', 'Content-Length: 3')}abc${head('GET /json/three')}`,
  ],
  ['a WebSocket handshake as tnetstring', ['38'], 1, head('GET /tnet/ws', ...upgrade)],
  ['OPTIONS *', ['46'], 0, head('OPTIONS *')],
  ['a path shorter than its route', ['47'], 0, head('GET /j')],
];

afterEach(stopPairs);

describe('byte for byte what Mongrel2 sent', () => {
  it.each(plain)('%s', async (_name, numbers, index, request) => {
    const { front, handlers } = await startPair({ handlers: HANDLERS });
    await TcpClient.open(front, request);
    const handler = handlers[index] as RawHandler;
    await handler.count(numbers.length);
    expectCaptured(handler, numbers);
  });

  it('disconnect notices', async () => {
    const { front, handlers } = await startPair({ handlers: HANDLERS });
    for (const [path, at] of [
      ['/json/x', 0],
      ['/tnet/x', 1],
    ] as const) {
      const client = await TcpClient.open(front, head(`GET ${path}`));
      const handler = handlers[at] as RawHandler;
      await handler.count(1);
      client.leave();
      await handler.count(2);
      expect(normal(handler.raw[1])).toBe(normal(captured.get(at === 0 ? '23' : '24')));
    }
  });

  it('a WebSocket handshake and frames', async () => {
    const { front, handler } = await startPair({ handlers: HANDLERS });
    const client = await TcpClient.open(front, head('GET /json/ws', ...upgrade));
    await handler.count(1);
    const frame = (first: number, text: string) => `${String.fromCharCode(first, 0x80 | text.length)}\0\0\0\0${text}`;
    // Two fragments of "abc" and an e with an accent, then a ping and a close.
    client.send(frame(0x01, 'ab') + frame(0x80, '\xc3\xa9') + frame(0x89, 'pp') + frame(0x88, '\x03\xe8bye'));
    await handler.count(4);
    expectCaptured(handler, ['34', '35', '36', '37']);
  });

  it('flow control', async () => {
    const { front, handlers } = await startPair(CONTROLLED);
    for (const [path, at] of [
      ['/json/d', 0],
      ['/tnet/d', 1],
    ] as const) {
      const handler = handlers[at] as RawHandler;
      const client = await TcpClient.open(front, head(`GET ${path}`).replace(':7100', ''));
      const { id } = await handler.message(1, 'http');
      handler.reply(id, 'hello');
      await client.ends('hello');
      await handler.count(2);
    }
    expect(handlers[0]?.raw.map(normal)).toEqual([normal(captured.get('40')), normal(captured.get('41'))]);
    expect(normal(handlers[1]?.raw[1])).toBe(normal(captured.get('42')));
  });
});

describe('byte for byte what Mongrel2 sent of uploads', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'm2-front-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('stored ones', async () => {
    const { front, handler } = await startPair({
      handlers: HANDLERS,
      settings: { 'upload.temp_store': join(folder, 'up.XXXXXX') },
    });
    await TcpClient.open(
      front,
      `${head('POST /json/up', 'Content-Type: text/plain', 'Content-Length: 30000')}${'u'.repeat(30_000)}`,
    );
    await handler.count(2);
    expectCaptured(handler, ['25', '26']);
  });

  it('streamed ones with a length', async () => {
    const { front, handler } = await startPair(STREAMED);
    const request = head('POST /json/s', 'Content-Length: 30000').replace(':7100', '');
    const client = await TcpClient.open(front, `${request}${'a'.repeat(100)}`);
    const { id } = await handler.message(1, 'http');
    client.send('a'.repeat(29_900));
    handler.control(id, { credits: 64 });
    await handler.count(2);
    expectCaptured(handler, ['29', '30']);
  });

  it('streamed ones in chunks', async () => {
    const { front, handlers } = await startPair(STREAMED);
    const handler = handlers[1] as RawHandler;
    const request = head('POST /tnet/s', 'Transfer-Encoding: chunked').replace(':7100', '');
    await TcpClient.open(front, `${request}5\r\nhello\r\n0\r\n\r\n`);
    const { id } = await handler.message(1, 'http');
    handler.control(id, { credits: 1000 });
    await handler.count(3);
    expectCaptured(handler, ['31', '32', '33']);
  });
});
