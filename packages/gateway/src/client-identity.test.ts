import type { HeaderValue } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { serveApp } from '../test/harness.js';
import { identityResolver } from './client-identity.js';

interface Sent {
  readonly from?: string;
  readonly scheme?: 'http' | 'https';
  readonly headers?: Readonly<Record<string, HeaderValue>>;
}

/** Who a request is taken to come from. */
function identify(list: readonly string[], { from = '127.0.0.1', scheme = 'http', headers = {} }: Sent) {
  const resolve = identityResolver(list);
  return resolve?.({ remoteAddress: from, scheme, header: (name) => headers[name] });
}

const address = (list: readonly string[], chain: HeaderValue, from?: string) =>
  identify(list, { headers: { 'x-forwarded-for': chain }, ...(from === undefined ? {} : { from }) })?.remoteAddress;

describe('57: the client behind trusted proxies', () => {
  it('is nobody but Mongrel2’s peer without a list', () => {
    expect(identityResolver([])).toBeUndefined();
    expect(identityResolver(undefined)).toBeUndefined();
  });

  it('is the rightmost address that is not trusted', () => {
    expect(address(['loopback'], '203.0.113.9')).toBe('203.0.113.9');
    expect(address(['loopback'], '6.6.6.6, 203.0.113.9')).toBe('203.0.113.9');
    expect(address(['loopback', '10.0.0.0/8'], '6.6.6.6, 203.0.113.9, 10.1.2.3')).toBe('203.0.113.9');
    expect(address(['loopback'], ['6.6.6.6', '203.0.113.9'])).toBe('203.0.113.9');
  });

  it('is the peer itself when that is not trusted, whatever it says', () => {
    const said = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil', host: 'mine' };
    expect(identify(['loopback'], { from: '198.51.100.1', headers: said })).toEqual({
      remoteAddress: '198.51.100.1',
      scheme: 'http',
      host: 'mine',
    });
  });

  it('is the leftmost when all are trusted, and the peer when there is none', () => {
    expect(address(['loopback', 'uniquelocal'], '10.9.9.9, 10.1.2.3')).toBe('10.9.9.9');
    expect(address(['loopback'], '')).toBe('127.0.0.1');
    expect(identify(['loopback'], {})?.remoteAddress).toBe('127.0.0.1');
  });

  it('is never what is no address', () => {
    expect(address(['loopback', 'uniquelocal'], '6.6.6.6, unknown, 10.0.0.1')).toBe('10.0.0.1');
    expect(address(['loopback'], 'not an address')).toBe('127.0.0.1');
    expect(address(['loopback'], '010.0.0.1')).toBe('127.0.0.1');
    expect(address(['loopback'], "'; drop table users")).toBe('127.0.0.1');
  });

  it('loses the port that some proxies add', () => {
    expect(address(['loopback'], '203.0.113.9:4711')).toBe('203.0.113.9');
    expect(address(['loopback'], '[2001:db8::7]:4711')).toBe('2001:db8::7');
    expect(address(['loopback'], '[2001:db8::7]')).toBe('2001:db8::7');
    expect(address(['loopback'], '2001:db8::7')).toBe('2001:db8::7');
  });

  it.each([
    ['loopback', ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'], ['128.0.0.1', '::2', '::ffff:128.0.0.1']],
    ['linklocal', ['169.254.1.1', 'fe80::1'], ['169.255.1.1', 'fec0::1']],
    ['uniquelocal', ['10.0.0.1', '172.16.0.1', '192.168.3.4', 'fd00::1'], ['172.32.0.1', '192.169.0.1', '2001:db8::1']],
    ['192.0.2.0/24', ['192.0.2.77', '::ffff:192.0.2.77'], ['192.0.3.1']],
    ['192.0.2.7', ['192.0.2.7'], ['192.0.2.8']],
    ['2001:db8::/32', ['2001:db8:1::1'], ['2001:db9::1', '1.2.3.4']],
    ['::ffff:192.0.2.0/120', ['192.0.2.77'], ['192.0.3.1']],
  ])('trusts by %s', (entry, inside, outside) => {
    for (const from of inside) expect([from, address([entry], '203.0.113.9', from)]).toEqual([from, '203.0.113.9']);
    for (const from of outside) expect([from, address([entry], '203.0.113.9', from)]).toEqual([from, from]);
  });

  it.each(['', 'localhost', 'true', '10.0.0.0/33', '10.0.0.0/-1', '300.1.1.1', '1.2.3', '::/129', '10.0.0.0/8/8'])(
    'cannot be trusted by %j',
    (entry) => {
      expect(() => identityResolver([entry])).toThrow(
        expect.objectContaining({ code: 'M2_OPTION_INVALID', message: expect.stringContaining(JSON.stringify(entry)) }),
      );
    },
  );
});

describe('57: scheme and host behind trusted proxies', () => {
  const said = (headers: Sent['headers'], list = ['loopback']) => identify(list, { headers: { host: 'inner', ...headers } });

  it('are what the proxy says', () => {
    expect(said({ 'x-forwarded-proto': 'HTTPS', 'x-forwarded-host': 'example.com:8443' })).toMatchObject({
      scheme: 'https',
      host: 'example.com:8443',
    });
    expect(identify(['loopback'], { scheme: 'https', headers: { 'x-forwarded-proto': 'http' } })?.scheme).toBe('http');
    expect(said({})).toMatchObject({ scheme: 'http', host: 'inner' });
    expect(said({ 'x-forwarded-proto': 'gopher', 'x-forwarded-host': '' })).toMatchObject({ scheme: 'http', host: 'inner' });
  });

  it('are what the outermost trusted proxy says where several have added to a list', () => {
    const lists = { 'x-forwarded-proto': 'https, http', 'x-forwarded-host': 'forged, outer' };
    expect(said({ ...lists, 'x-forwarded-for': '203.0.113.9' })).toMatchObject({ scheme: 'http', host: 'outer' });
    const two = { 'x-forwarded-proto': 'http, https, http', 'x-forwarded-host': 'forged, outer, inner' };
    expect(said({ ...two, 'x-forwarded-for': '203.0.113.9, 10.0.0.1' }, ['loopback', 'uniquelocal'])).toMatchObject({
      remoteAddress: '203.0.113.9',
      scheme: 'https',
      host: 'outer',
    });
  });
});

describe('57: trustProxy of fetchHandler', () => {
  const forwarded: [string, string][] = [
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-host', 'shop.example'],
  ];
  const tell = (trustProxy?: string[]) =>
    serveApp((request, info) => Response.json([request.url, info.remoteAddress, info.scheme]), {
      handler: trustProxy === undefined ? {} : { trustProxy },
    });
  // Mongrel2 with no_clobber_xff, which the scripted one has not: so as the real one would write it.
  const raw = (headers: [string, string][]) => ({ uri: '/a?b', headers: [['host', 'inner'] as const, ...headers] });
  const jsonOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as unknown;

  it('changes URL, address and scheme', async () => {
    const { askRaw } = await tell(['loopback']);
    const answer = await askRaw(raw([...forwarded, ['x-forwarded-for', '203.0.113.9']]));
    expect(jsonOf(answer)).toEqual(['https://shop.example/a?b', '203.0.113.9', 'https']);
  });

  it('is off by default', async () => {
    const { askRaw } = await tell();
    const answer = await askRaw(raw([...forwarded, ['x-forwarded-for', '203.0.113.9']]));
    expect(jsonOf(answer)).toEqual(['http://inner/a?b', '127.0.0.1', 'http']);
  });

  it('changes nothing where Mongrel2 writes x-forwarded-for over: the proxy is the last that is known', async () => {
    const { ask } = await tell(['loopback']);
    expect(JSON.parse((await ask({ path: '/a?b', headers: forwarded })).text)).toEqual([
      'https://shop.example/a?b',
      '127.0.0.1',
      'https',
    ]);
  });

  it('takes a forwarded host for no better than Host: what is none gets 400', async () => {
    const { askRaw } = await tell(['loopback']);
    expect(await askRaw(raw([['x-forwarded-host', 'a b/c']]))).toMatch(/^HTTP\/1\.1 400 /);
    const twoHosts = await askRaw({
      uri: '/',
      headers: [
        ['host', ['one', 'two']],
        ['x-forwarded-host', 'shop.example'],
      ],
    });
    expect(twoHosts).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('holds for WebSocket handshakes', async () => {
    const seen: unknown[] = [];
    const { mongrel2 } = await serveApp(() => new Response(), {
      handler: {
        trustProxy: ['loopback'],
        websocket: {
          upgrade: (request, info) => void seen.push(request.url, info.remoteAddress),
          open: (peer) => void seen.push(peer.remoteAddress),
        },
      },
    });
    await mongrel2.connect().upgrade({ path: '/ws', headers: forwarded }).response();
    expect(seen).toEqual(['https://shop.example/ws', '127.0.0.1', '127.0.0.1']);
  });
});
