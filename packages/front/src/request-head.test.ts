import { describe, expect, it } from 'vitest';
import { bodyFraming, isHandshake, metaFields, readHead } from './request-head.js';

const read = (url: string, rawHeaders: readonly string[] = [], httpVersion = '1.1') =>
  readHead({ method: 'GET', url, httpVersion, rawHeaders }, '10.0.0.1');

describe('readHead', () => {
  it.each([
    ['/a/b', { path: '/a/b', uri: '/a/b', query: undefined, fragment: undefined }],
    ['/a?', { path: '/a', uri: '/a?', query: '', fragment: undefined }],
    ['/a?b?c#d', { path: '/a', uri: '/a?b?c', query: 'b?c', fragment: 'd' }],
    ['/a#', { path: '/a', uri: '/a', query: undefined, fragment: '' }],
    ['http://h:1/p?x', { path: '//h:1/p', uri: '//h:1/p?x', query: 'x', fragment: undefined }],
    ['//evil/x', { path: '//evil/x', uri: '//evil/x', query: undefined, fragment: undefined }],
    ['/a:b//c/../%41', { path: '/a:b//c/../%41', uri: '/a:b//c/../%41', query: undefined, fragment: undefined }],
    ['*', { path: '*', uri: '*', query: undefined, fragment: undefined }],
  ])('takes %s apart', (url, expected) => {
    expect(read(url)).toMatchObject(expected);
  });

  it.each(
    [...'"<>[]\\^`{|}'].map((char) => `/x${char}`).concat('/%', '/%4', '/%zz', '/?%g0', '/\xe9', '/a b', '/a\x7f', '/#a#b'),
  )('refuses %j', (url) => {
    expect(read(url)).toBeUndefined();
  });

  it('refuses other versions', () => {
    expect(read('/', [], '2.0')).toBeUndefined();
    expect(read('/', [], '1.0')?.version).toBe('HTTP/1.0');
  });

  it('lowers names, keeps values, and overwrites X-Forwarded-For', () => {
    const table = read('/', ['X-A', 'One', 'x-a', 'Two', 'X-Forwarded-For', '1.1.1.1', 'X-FORWARDED-FOR', '2.2.2.2'])?.table;
    expect(new Map(table?.fields())).toEqual(
      new Map([
        ['x-a', ['One', 'Two']],
        ['x-forwarded-for', ['10.0.0.1']],
      ]),
    );
  });
});

describe('what a head says', () => {
  it('of the body', () => {
    const framing = (...headers: string[]) => bodyFraming(read('/', headers) as NonNullable<ReturnType<typeof read>>);
    expect(framing()).toEqual({ kind: 'none' });
    expect(framing('Content-Length', '0')).toEqual({ kind: 'none' });
    expect(framing('Content-Length', '7')).toEqual({ kind: 'length', length: 7 });
    expect(framing('Transfer-Encoding', 'chunked')).toEqual({ kind: 'chunked' });
  });

  it('of WebSocket: five headers, the method and the version do not matter', () => {
    const headers = [
      'Host',
      'x',
      'Upgrade',
      'websocket',
      'Connection',
      'keep-alive, UPGRADE',
      'Sec-WebSocket-Key',
      'k',
      'Sec-WebSocket-Version',
      '8',
    ];
    const handshake = (given: string[]) => isHandshake(read('/', given) as NonNullable<ReturnType<typeof read>>);
    expect(handshake(headers)).toBe(true);
    for (let at = 0; at < headers.length; at += 2) expect(handshake(headers.toSpliced(at, 2))).toBe(false);
    expect(handshake(headers.with(3, 'WebSocket'))).toBe(false);
  });

  it('in the keys of a message', () => {
    const head = read('/a?b#c') as NonNullable<ReturnType<typeof read>>;
    expect(Object.fromEntries(metaFields(head, 'GET', '/', '10.0.0.1'))).toEqual({
      METHOD: 'GET',
      VERSION: 'HTTP/1.1',
      URI: '/a?b',
      QUERY: 'b',
      FRAGMENT: 'c',
      PATTERN: '/',
      URL_SCHEME: 'http',
      REMOTE_ADDR: '10.0.0.1',
    });
  });
});
