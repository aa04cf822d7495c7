import { type HttpRequest, M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { serveApp } from '../test/harness.js';
import { RequestTargets } from './request-target.js';

type Parts = { uri?: string; host?: string | string[] | null; scheme?: 'http' | 'https'; version?: 'HTTP/1.0' | 'HTTP/1.1' };

function message({ uri = '/', host = 'example.org', scheme = 'http', version = 'HTTP/1.1' }: Parts): HttpRequest {
  return {
    uri,
    scheme,
    version,
    header: (name: string) => (name === 'host' ? (host ?? undefined) : undefined),
  } as unknown as HttpRequest;
}

const url = (parts: Parts, rootPath = '') => {
  const found = new RequestTargets(rootPath).url(message(parts));
  return typeof found === 'string' ? found : found.status;
};

describe('RequestTargets', () => {
  it.each([
    ['/', 'http://example.org/'],
    ['/a/b?c=d&e', 'http://example.org/a/b?c=d&e'],
    ['/a?', 'http://example.org/a?'],
    ['/%e9%zz', 'http://example.org/%e9%zz'],
    ['//evil.example/p', 'http://example.org//evil.example/p'],
    ['//h:1/p?x', 'http://example.org//h:1/p?x'],
    ['///', 'http://example.org///'],
    ['/a/../../b', 'http://example.org/b'],
    ['/%2E%2e/b', 'http://example.org/b'],
    ['/..', 'http://example.org/'],
    ['/a\\..\\b', 'http://example.org/b'],
    ["/it's?it's", "http://example.org/it's?it%27s"],
    ['/{a}?^', 'http://example.org/%7Ba%7D?^'],
    ['/a#b?c', 'http://example.org/a'],
    ['/user@evil:80/', 'http://example.org/user@evil:80/'],
    ['*', 'http://example.org/'],
  ])('54: gives %s the URL %s, which no parser changes', (uri, expected) => {
    expect(url({ uri })).toBe(expected);
    expect(new URL(expected).href).toBe(expected);
    expect(new URL(expected).host).toBe('example.org');
  });

  it.each(['http://h/p', 'h:1/p', '', '?x'])('54: refuses %j, which is no target that Mongrel2 hands on', (uri) => {
    expect(url({ uri })).toBe(400);
  });

  it.each([
    ['localhost:8080', 'http://localhost:8080/'],
    ['EXAMPLE.org', 'http://example.org/'],
    ['example.org:80', 'http://example.org/'],
    ['example.org:', 'http://example.org/'],
    ['[::1]:6767', 'http://[::1]:6767/'],
    ['127.1', 'http://127.0.0.1/'],
    ['a_b.example', 'http://a_b.example/'],
  ])('52: takes the Host %s as %s', (host, expected) => expect(url({ host })).toBe(expected));

  it.each([
    ' ',
    'a b',
    'a/b',
    'a?b',
    'a#b',
    'u@h',
    'u:p@h',
    'h:port',
    'h:99999',
    'h:-1',
    '[::1',
    '::1',
    '%',
    'a%00b',
    'h\\x',
    'a,b c',
    'h:1:2',
    'caf\u00e9',
    'a\tb',
    '[x]',
    '1.2.3.4.5',
    'a|b',
    '<h>',
  ])('52: refuses the Host %j with 400', (host) => expect(url({ host })).toBe(400));

  it('takes the scheme from the socket, and leaves its port out', () => {
    expect(url({ scheme: 'https', host: 'example.org:443' })).toBe('https://example.org/');
    expect(url({ scheme: 'https', host: 'example.org:80' })).toBe('https://example.org:80/');
  });

  it('wants a Host for HTTP/1.1 and needs none for HTTP/1.0', () => {
    expect([url({ host: null }), url({ host: '' })]).toEqual([400, 400]);
    expect(url({ host: null, version: 'HTTP/1.0' })).toBe('http://localhost/');
    expect(url({ host: '', version: 'HTTP/1.0' })).toBe('http://localhost/');
    expect(url({ host: 'a b', version: 'HTTP/1.0' })).toBe(400);
  });

  it('53: refuses two Hosts, even equal ones', () => {
    expect(url({ host: ['a', 'b'] })).toBe(400);
    expect(url({ host: ['a', 'a'], version: 'HTTP/1.0' })).toBe(400);
  });

  it('remembers hosts without an end of its own making', () => {
    const targets = new RequestTargets();
    for (let n = 0; n < 1000; n++) expect(targets.url(message({ host: `h${n}` }))).toBe(`http://h${n}/`);
    expect(targets.url(message({ host: 'h0' }))).toBe('http://h0/');
  });

  it.each([
    ['/shop', '/'],
    ['/shop/', '/'],
    ['/shop?x', '/?x'],
    ['/shop/cart?x', '/cart?x'],
    ['/shop//evil', '//evil'],
    ['/shop/../x', '/x'],
  ])('56: mounts the app at a root path: %s is its %s', (uri, path) => {
    expect(url({ uri }, '/shop')).toBe(`http://example.org${path}`);
    expect(url({ uri }, '/shop/')).toBe(`http://example.org${path}`);
  });

  it.each(['/', '/shopping', '/sho', '/x/shop', '/SHOP', '/shop%2Fx'])('56: answers 404 to %s, outside the root path', (uri) => {
    expect(url({ uri }, '/shop')).toBe(404);
  });

  it.each(['shop', '/shop?x', 'http://h/shop'])('refuses the root path %s', (rootPath) => {
    expect(() => new RequestTargets(rootPath)).toThrow(M2Error);
  });

  it('takes / for no root path', () => expect(new RequestTargets('/').rootPath).toBe(''));
});

describe('the URL of a request, through Mongrel2', () => {
  it('refuses a bad Host with 400 and closes, without calling the app', async () => {
    let called = 0;
    const running = await serveApp(() => {
      called++;
      return new Response();
    });
    const client = running.mongrel2.connect().request({ headers: [['host', 'a b']] });
    const response = await client.response();
    expect([response.status, response.text]).toEqual([400, 'Bad Request: the Host header is not a host and a port.\n']);
    expect(await client.closed).toBe('handler');
    expect(await running.askRaw({ uri: '/' })).toMatch(/^HTTP\/1\.1 400 /);
    expect(called).toBe(0);
  });

  it('56: gives the app URI and not PATH, and tells it where it is mounted', async () => {
    const { ask } = await serveApp((request, { rootPath }) => new Response(`${rootPath} ${request.url}`), {
      handler: { rootPath: '/app' },
    });
    expect((await ask('/app/x?y=1')).text).toBe('/app http://localhost/x?y=1');
    expect((await ask('/application')).status).toBe(404);
  });

  it('54: answers OPTIONS * for the app as a whole', async () => {
    const { askRaw } = await serveApp((request, { message }) => new Response(`${request.url} ${message.uri}`));
    const answer = await askRaw({ uri: '*', meta: [['METHOD', 'OPTIONS']], headers: [['host', 'h']] });
    expect(answer).toContain('\r\n\r\nhttp://h/ *');
  });
});
