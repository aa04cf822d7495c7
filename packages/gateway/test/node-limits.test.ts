// What fetchHandler and nodeHandler refuse alike, asked of nodeHandler, and who its sockets say has asked.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Field } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { nodeHandler } from '../src/node/index.js';
import { serveApp } from './harness.js';

const HOST: Field = ['host', 'h'];
const headers = (count: number, value = ''): Field[] => Array.from({ length: count }, (_, n) => [`x-${n}`, value]);

function tell(request: IncomingMessage, response: ServerResponse): void {
  const { remoteAddress, remoteFamily, encrypted } = request.socket as TLSSocket;
  response.end(JSON.stringify([remoteAddress, remoteFamily, encrypted, request.headers.host]));
}

describe('nodeHandler: limits', () => {
  async function status(options: Parameters<typeof nodeHandler>[1], uri: string, given: Field[], body = '', method = 'GET') {
    let called = false;
    const app = (_: IncomingMessage, response: ServerResponse) => {
      called = true;
      response.end('in');
    };
    const { askRaw } = await serveApp({ handler: nodeHandler(app, options) });
    const answer = await askRaw({ uri, meta: [['METHOD', method]], headers: [HOST, ...given], body: Buffer.from(body) });
    const code = Number(answer.slice(9, 12));
    expect(called).toBe(code === 200);
    if (code !== 200) expect(answer).toContain('Connection: close\r\n');
    return code;
  }

  it('are those of fetchHandler, with the same defaults', async () => {
    expect(await status({}, `/${'p'.repeat(8191)}`, [])).toBe(200);
    expect(await status({}, `/${'p'.repeat(8192)}`, [])).toBe(414);
    expect(await status({}, '/', headers(99))).toBe(200);
    expect(await status({}, '/', headers(100))).toBe(431);
    expect(await status({}, '/', headers(16, 'v'.repeat(1024)))).toBe(431);
  });

  it('can be set', async () => {
    const limits = { uriBytes: 5, headerCount: 2, headerBytes: 100 };
    expect(await status({ limits }, '/1234', headers(1))).toBe(200);
    expect(await status({ limits }, '/12345', [])).toBe(414);
    expect(await status({ limits }, '/', headers(2))).toBe(431);
    expect(await status({ limits }, '/', headers(1, 'v'.repeat(100)))).toBe(431);
    expect(() => nodeHandler(() => {}, { limits: { uriBytes: 0 } })).toThrow(
      expect.objectContaining({ code: 'M2_OPTION_INVALID' }),
    );
  });

  it('safety 3.1: requests that could hide another get 400', async () => {
    const post = (given: Field[], body = '') => status({}, '/', given, body, 'POST');
    expect(await post([['content-length', '3']], 'abc')).toBe(200);
    expect(
      await post(
        [
          ['content-length', '3'],
          ['transfer-encoding', 'chunked'],
        ],
        'abc',
      ),
    ).toBe(400);
    expect(await post([['content-length', '3abc']], 'abc')).toBe(400);
    expect(await post([['content-length', ['3', '4']]], 'abc')).toBe(400);
    const { askRaw } = await serveApp({ handler: nodeHandler(tell) });
    expect(await askRaw({ uri: '/', headers: [['host', ['one', 'two']]] })).toMatch(/^HTTP\/1\.1 400 /);
    expect(await askRaw({ uri: '/' })).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('hold for handshakes that become an upgrade event', async () => {
    const { mongrel2 } = await serveApp({ handler: nodeHandler(tell, { limits: { headerBytes: 1000 } }) });
    const large: [string, string][] = [['x-large', 'v'.repeat(1000)]];
    expect((await mongrel2.connect().upgrade({ headers: large }).response()).status).toBe(431);
  });
});

describe('57: nodeHandler: trustProxy', () => {
  const forwarded: Field[] = [
    ['x-forwarded-for', '6.6.6.6, 2001:db8::9'],
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-host', 'shop.example'],
  ];
  const who = async (trustProxy?: string[], given = forwarded) => {
    const { askRaw } = await serveApp({ handler: nodeHandler(tell, trustProxy === undefined ? {} : { trustProxy }) });
    const answer = await askRaw({ uri: '/', headers: [HOST, ...given] });
    return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as unknown;
  };

  it('changes what the socket says of the client, and leaves headers to the app', async () => {
    expect(await who(['loopback'])).toEqual(['2001:db8::9', 'IPv6', true, 'h']);
    expect(await who(['192.0.2.1'])).toEqual(['127.0.0.1', 'IPv4', false, 'h']);
  });

  it('is off by default', async () => {
    expect(await who()).toEqual(['127.0.0.1', 'IPv4', false, 'h']);
  });
});
