import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { M2Error } from '../errors.js';
import { decodeMessage } from './inbound.js';
import type { HeaderValue, M2Request } from './message.js';
import { encodeNotice, encodeRequest, type Field, type HeaderProtocol, type RequestFields } from './request-encoder.js';

const protocols: readonly HeaderProtocol[] = ['json', 'tnetstring'];
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const cannot = expect.objectContaining({ code: 'M2_BAD_MESSAGE' });

function decoded(bytes: Uint8Array): M2Request {
  const message = decodeMessage(bytes);
  if (message instanceof M2Error) throw message;
  return message;
}

const base: RequestFields = {
  server: 'live-json',
  id: 13,
  path: '/q',
  meta: Object.entries({
    REMOTE_ADDR: '127.0.0.1',
    FRAGMENT: 'frag',
    METHOD: 'GET',
    QUERY: 'a=1',
    URI: '/q?a=1',
    VERSION: 'HTTP/1.1',
    URL_SCHEME: 'http',
    PATTERN: '/',
  }),
  headers: [
    ['x-forwarded-for', '127.0.0.1'],
    ['host', 'localhost'],
  ],
  body: new Uint8Array(0),
};

describe('encodeRequest', () => {
  // Both as Mongrel2 1.12.2 sent them for GET /q?a=1#frag and GET /t/q?a=1#frag.
  test('QUERY and FRAGMENT have their places, whatever the order of meta', () => {
    expect(textOf(encodeRequest(base, 'json'))).toBe(
      'live-json 13 /q 205:{"PATH":"/q","x-forwarded-for":"127.0.0.1","host":"localhost","METHOD":"GET","VERSION":"HTTP/1.1",' +
        '"URI":"/q?a=1","QUERY":"a=1","FRAGMENT":"frag","PATTERN":"/","URL_SCHEME":"http","REMOTE_ADDR":"127.0.0.1"},0:,',
    );
    const meta: Field[] = [...base.meta, ['URI', '/t/q?a=1'], ['PATTERN', '/t/']];
    expect(textOf(encodeRequest({ ...base, server: 'live-tnet', id: 12, path: '/t/q', meta }, 'tnetstring'))).toBe(
      'live-tnet 12 /t/q 213:11:REMOTE_ADDR,9:127.0.0.1,6:METHOD,3:GET,10:URL_SCHEME,4:http,7:PATTERN,3:/t/,8:FRAGMENT,4:frag,' +
        '5:QUERY,3:a=1,3:URI,8:/t/q?a=1,7:VERSION,8:HTTP/1.1,4:PATH,4:/t/q,4:host,9:localhost,15:x-forwarded-for,9:127.0.0.1,}0:,',
    );
  });

  test('ids from 2^31 on are negative in JSON and in notices', () => {
    expect(textOf(encodeRequest({ ...base, id: 2147483648 }, 'json'))).toMatch(/^live-json -2147483648 /);
    expect(textOf(encodeRequest({ ...base, id: 4294967295 }, 'tnetstring'))).toMatch(/^live-json 4294967295 /);
    for (const protocol of protocols) expect(textOf(encodeNotice('s', 4294967295, 'disconnect', protocol))).toMatch(/^s -1 @\* /);
  });

  test('lists of one are written as their value, empty ones not at all', () => {
    const headers: Field[] = [
      ['a', ['1']],
      ['b', []],
      ['c', ['1', '2']],
    ];
    for (const protocol of protocols) {
      expect(decoded(encodeRequest({ ...base, headers }, protocol)).headers).toEqual(
        new Map<string, HeaderValue>([
          ['a', '1'],
          ['c', ['1', '2']],
        ]),
      );
    }
  });

  test('control bytes go out raw, so that JSON is none; it is read all the same', () => {
    const bytes = encodeRequest({ ...base, headers: [['x', 'a\tb\x01"\\']] }, 'json');
    expect(textOf(bytes)).toContain('"x":"a\tb\x01\\"\\\\"');
    expect(decoded(bytes).header('x')).toBe('a\tb\x01"\\');
  });

  test('an upload part has no PATH of its own', () => {
    const part = { ...base, meta: [['UPLOAD_STREAM', '100']] as Field[], headers: [], body: Buffer.from('abc') };
    expect(textOf(encodeRequest(part, 'json'))).toBe('live-json 13 /q 23:{"UPLOAD_STREAM":"100"},3:abc,');
  });

  test.each<[string, Partial<RequestFields>]>([
    ['a server with "_"', { server: 'a_b' }],
    ['no server', { server: '' }],
    ['an id beyond 32 bits', { id: 4294967296 }],
    ['a negative id', { id: -1 }],
    ['a fraction as id', { id: 1.5 }],
    ['no path', { path: '' }],
    ['a path with a blank', { path: '/a b' }],
    ['a path with a quote', { path: '/"' }],
    ['a path with a backslash', { path: '/\\' }],
    ['a text above U+00FF', { headers: [['x', '\u20ac']] }],
    ['a name above U+00FF', { headers: [['\u20ac', 'x']] }],
    ['a name with a quote', { headers: [['x"', 'x']] }],
    ['an empty name', { headers: [['', 'x']] }],
  ])('%s is refused: Mongrel2 could not have written it', (_, change) => {
    for (const protocol of protocols) expect(() => encodeRequest({ ...base, ...change }, protocol)).toThrow(cannot);
  });
});

describe('encodeNotice', () => {
  test.each([-1, 1.5, 2147483648, Number.NaN])('credits of %d are refused', (credits) => {
    expect(() => encodeNotice('s', 1, { credits }, 'json')).toThrow(cannot);
  });

  test('what is encoded is decoded the same', () => {
    const anyNotice = fc.oneof(fc.constant('disconnect' as const), fc.record({ credits: fc.nat({ max: 2147483647 }) }));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), anyNotice, fc.constantFrom(...protocols), (id, notice, protocol) => {
        const message = decoded(encodeNotice('a-1', id, notice, protocol));
        expect(message).toMatchObject(notice === 'disconnect' ? { kind: 'disconnect', id } : { kind: 'credits', id, ...notice });
      }),
    );
  });
});

describe('round trip', () => {
  const latin1Text = (from: number, options: { minLength?: number; maxLength?: number }) =>
    fc.string({ unit: fc.integer({ min: from, max: 255 }).map((code) => String.fromCharCode(code)), ...options });
  const anyValue: fc.Arbitrary<HeaderValue> = fc.oneof(
    latin1Text(0, { maxLength: 30 }),
    fc.array(latin1Text(0, { maxLength: 10 }), { minLength: 2, maxLength: 5 }),
  );
  const anyName = fc.oneof(
    fc.stringMatching(/^[a-z_0-9-]{1,12}$/),
    fc.constantFrom('__proto__', 'constructor', 'tostring', 'hasownproperty'),
  );
  const anyRequest = fc.record({
    server: fc.stringMatching(/^[A-Za-z0-9-]{1,40}$/),
    id: fc.integer({ min: 0, max: 0xffff_ffff }),
    path: latin1Text(0x21, { minLength: 1, maxLength: 30 }).filter((path) => !/["\\\x7f]/.test(path) && !/^[@<]/.test(path)),
    headers: fc.uniqueArray(fc.tuple(anyName, anyValue), { selector: ([name]) => name, maxLength: 12 }),
    body: fc.uint8Array({ maxLength: 300 }),
    method: fc.stringMatching(/^[A-Z]{1,20}$/).filter((method) => !/^WEBSOCKET/.test(method)),
    query: fc.option(latin1Text(0x21, { maxLength: 20 }), { nil: undefined }),
  });

  test('a request is decoded as it was encoded, in both protocols', () => {
    fc.assert(
      fc.property(anyRequest, fc.constantFrom(...protocols), ({ method, query, ...request }, protocol) => {
        const uri = query === undefined ? request.path : `${request.path}?${query}`;
        const meta = Object.entries({
          METHOD: method,
          VERSION: 'HTTP/1.1',
          URI: uri,
          PATTERN: '/',
          ...(query === undefined ? {} : { QUERY: query }),
        });
        const bytes = encodeRequest({ ...request, meta }, protocol);
        const message = decoded(bytes);
        const { server, id, path } = request;
        expect(message).toMatchObject({ kind: 'http', server, id, path, method, uri, pattern: '/', size: bytes.length });
        expect('query' in message && message.query).toBe(query);
        expect(message.headers).toEqual(new Map(request.headers));
        expect({ ...message.meta }).toEqual({ ...Object.fromEntries(meta), PATH: path });
        expect(textOf(message.body)).toBe(textOf(request.body));
      }),
      { numRuns: 1000 },
    );
  });
});
