import { describe, expect, test } from 'vitest';
import { capture } from '../../test/captures/captures.js';
import { M2Error } from '../errors.js';
import { defaultWireLimits } from '../limits.js';
import { decodeMessage } from './inbound.js';
import type { HttpRequest, M2Request } from './message.js';
import { replyPrefix } from './outbound.js';

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const decodeText = (text: string): M2Request | M2Error => decodeMessage(bytesOf(text));
const httpMeta = { METHOD: 'GET', VERSION: 'HTTP/1.1', URI: '/x', PATTERN: '/', URL_SCHEME: 'http', REMOTE_ADDR: '1.2.3.4' };

/** A JSON message of these headers, latin1. */
function message(headers: object, { server = 's', id = '7', path = '/x', body = '' } = {}): string {
  const block = JSON.stringify(headers);
  return `${server} ${id} ${path} ${block.length}:${block},${body.length}:${body},`;
}

const netstring = (text: string): string => `${text.length}:${text},`;

/** A tnetstring message of these pairs, already encoded. */
const tnetMessage = (block: string, body = ''): string => `s 7 /x ${block.length}:${block}}${netstring(body)}`;

function good<K extends M2Request['kind']>(text: string, kind: K): Extract<M2Request, { kind: K }> {
  const decoded = decodeText(text);
  if (decoded instanceof M2Error) throw decoded;
  expect(decoded.kind).toBe(kind);
  return decoded as Extract<M2Request, { kind: K }>;
}

function bad(text: string): M2Error {
  const decoded = decodeText(text);
  if (!(decoded instanceof M2Error)) throw new Error(`decoded as ${decoded.kind}`);
  expect(decoded.code).toBe('M2_BAD_MESSAGE');
  expect(decoded.message).toContain(String(decoded.details.expected));
  return decoded;
}

describe('connection ids (protocol 3)', () => {
  test.each([
    ['0', 0],
    ['1', 1],
    ['2147483647', 2147483647],
    ['2147483648', 2147483648],
    ['4294967295', 4294967295],
    ['-1', 4294967295],
    ['-2147483648', 2147483648],
    ['18446744071562067968', 2147483648],
    ['18446744073709551615', 4294967295],
  ])('%s is %d', (text, id) => {
    const decoded = good(message(httpMeta, { id: text }), 'http');
    expect(decoded.id).toBe(id);
    expect(replyPrefix(decoded.server, decoded.id)).toBe(`s ${String(id).length}:${id}, `);
  });

  test.each([
    '',
    '-',
    '-0',
    '01',
    '+1',
    '1.0',
    '0x1',
    '1e3',
    '4294967296',
    '-2147483649',
    '18446744071562067967',
    '18446744073709551616',
    '1\t',
  ])('%j is refused', (text) => {
    const error = bad(message(httpMeta, { id: text }));
    expect(error.details).toMatchObject({ at: 2, server: 's' });
    expect(error.details).not.toHaveProperty('id');
  });
});

describe('the words before the headers (protocol 2)', () => {
  test.each(['a_b', '', 'a\x00', 'caf\xe9', 'a.b'])('a server %j, to which no reply could be made, is refused', (server) => {
    expect(bad(message(httpMeta, { server })).details.at).toBe(0);
  });

  test('the path is taken as it is: escapes, double slashes, bytes above 7F', () => {
    for (const path of ['//evil/x', '/a%2F..%00', '*', '/caf\xc3\xa9', '/{}'])
      expect(good(message(httpMeta, { path }), 'http').path).toBe(path);
  });

  test('an empty path is refused', () => {
    expect(bad(message(httpMeta, { path: '' })).details).toMatchObject({ at: 4, server: 's', id: 7 });
  });

  test.each(['', 's', 's ', 's 7', 's 7 ', 's 7 /x', 's 7 /x ', ' '])('a message that ends too early is refused: %j', (text) => {
    expect(bad(text).details.size).toBe(text.length);
  });

  test('a PATH shorter than PATTERN is fine (protocol 2.3)', () => {
    const decoded = decodeMessage(capture('47').bytes) as HttpRequest;
    expect([decoded.path, decoded.pattern]).toEqual(['/j', '/json/']);
  });

  test('another server after many messages of one is not mistaken for it', () => {
    const names = ['server-a', 'server-a', 'server-b', 'server', 'server-ab', 'server-a'];
    expect(names.map((server) => good(message(httpMeta, { server }), 'http').server)).toEqual(names);
  });
});

describe('the netstrings (protocol 2)', () => {
  const block = JSON.stringify(httpMeta);

  test.each([
    ['a header length too small', `s 7 /x ${block.length - 1}:${block},0:,`],
    ['a header length too large', `s 7 /x ${block.length + 1}:${block},0:,`],
    ['a header length beyond the message', `s 7 /x 99999:${block},0:,`],
    ['a length with a leading zero', `s 7 /x 0${block.length}:${block},0:,`],
    ['a length with a sign', `s 7 /x +${block.length}:${block},0:,`],
    ['a length of eleven digits', `s 7 /x 00000000001:${block},0:,`],
    ['no length', `s 7 /x :${block},0:,`],
    ['no colon', `s 7 /x ${block.length}${block},0:,`],
    ['another tag', `s 7 /x ${block.length}:${block}]0:,`],
    ['no body', `s 7 /x ${block.length}:${block},`],
    ['a body length too small', `s 7 /x ${block.length}:${block},1:ab,`],
    ['a body length too large', `s 7 /x ${block.length}:${block},3:ab,`],
    ['a body that ends with another tag', `s 7 /x ${block.length}:${block},2:ab}`],
    ['no comma after the body', `s 7 /x ${block.length}:${block},2:ab`],
    ['bytes after the comma', `s 7 /x ${block.length}:${block},2:ab,\n`],
    ['a negative body length', `s 7 /x ${block.length}:${block},-1:,`],
  ])('%s is refused', (_, text) => {
    expect(bad(text).details).toMatchObject({ server: 's', id: 7, size: text.length });
  });

  test('the body is a view, of bytes and not of characters', () => {
    const bytes = bytesOf(message(httpMeta, { body: 'caf\xc3\xa9\x00\xff' }));
    const decoded = decodeMessage(bytes) as HttpRequest;
    expect(decoded.body.buffer).toBe(bytes.buffer);
    expect([...decoded.body.subarray(3)]).toEqual([0xc3, 0xa9, 0x00, 0xff]);
  });

  test('peers 2: a message far above 64 KiB is decoded', () => {
    const body = 'x'.repeat(10 * 1024 * 1024);
    expect(good(message(httpMeta, { body }), 'http').body).toHaveLength(body.length);
  });

  test('detach copies the body out of a larger buffer, and only then', () => {
    const small = decodeMessage(bytesOf(message(httpMeta, { body: 'abc' }))) as HttpRequest;
    small.detach();
    expect(small.body.buffer.byteLength).toBe(3);
    expect(Buffer.from(small.body).toString()).toBe('abc');
    const bytes = bytesOf(message(httpMeta, { body: 'x'.repeat(10_000) }));
    const large = decodeMessage(bytes) as HttpRequest;
    large.detach();
    expect(large.body.buffer).toBe(bytes.buffer);
    const empty = decodeMessage(bytesOf(message(httpMeta))) as HttpRequest;
    empty.detach();
    expect(empty.body.buffer.byteLength).toBe(0);
  });
});

describe('JSON headers (protocol 2.2)', () => {
  test.each(['{', '[]', 'null', '"x"', '1', '', '{"METHOD":"GET",}'])('a block %j is refused', (block) => {
    expect(bad(`s 7 /x ${block.length}:${block},0:,`).details).toMatchObject({ server: 's', id: 7 });
  });

  test.each([1, true, null, {}, ['a', 1], [['a']], [null]])('a header value %j is refused, by name', (value) => {
    expect(bad(message({ ...httpMeta, 'x-odd': value })).message).toContain('x-odd');
  });

  test('every control byte in a value is kept, though the block is then no JSON', () => {
    const controls = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('');
    const block = JSON.stringify({ ...httpMeta, 'x-raw': '@' }).replace('@', controls);
    expect(good(`s 7 /x ${block.length}:${block},0:,`, 'http').headers.get('x-raw')).toBe(controls);
  });

  test('bytes above 7F stay bytes, one character each', () => {
    expect(good(message({ ...httpMeta, 'x-utf8': '\xe2\x82\xac', 'x-lone': '\xe9' }), 'http').headers).toEqual(
      new Map([
        ['x-utf8', '\xe2\x82\xac'],
        ['x-lone', '\xe9'],
      ]),
    );
  });

  test('five values of one header come as a list, in order', () => {
    const five = ['1', '2', '3', '4', '5'];
    expect(good(message({ ...httpMeta, cookie: five }), 'http').headers.get('cookie')).toEqual(five);
  });

  test('hostile names are ordinary names and change no object', () => {
    const decoded = decodeMessage(capture('19').bytes) as HttpRequest;
    expect(decoded.header('__proto__')).toBe('x');
    expect(decoded.header('constructor')).toBe('y');
    expect(decoded.header('toString')).toBeUndefined();
    expect(decoded.header('METHOD')).toBeUndefined();
    expect(Object.getPrototypeOf(decoded.meta)).toBeNull();
    expect(decoded.meta.constructor).toBeUndefined();
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  test("only a first capital makes a key Mongrel2's own", () => {
    const decoded = good(message({ ...httpMeta, PEER_CERT_SHA1: 'real', peer_cert_sha1: 'forged', '1st': 'a', _x: 'b' }), 'http');
    expect(decoded.meta.PEER_CERT_SHA1).toBe('real');
    expect([...decoded.headers.keys()].sort()).toEqual(['1st', '_x', 'peer_cert_sha1']);
  });

  test('a block nested a hundred thousand deep is refused, not a stack overflow', () => {
    const block = `{"METHOD":${'['.repeat(60_000)}${']'.repeat(60_000)}}`;
    bad(`s 7 /x ${block.length}:${block},0:,`);
  });
});

describe('tnetstring headers (protocol 2)', () => {
  const rest = '7:VERSION,8:HTTP/1.1,';

  test('the tag tells them, whatever the handler was configured for', () => {
    expect(good(tnetMessage(`6:METHOD,3:GET,${rest}3:x-a,8:1:1,1:2,]`), 'http').headers.get('x-a')).toEqual(['1', '2']);
    bad(`s 7 /x 38:6:METHOD,3:GET,${rest},0:,`);
  });

  test('of the same name twice the last counts, in both formats: no part of m2 may see another than the rest', () => {
    expect(good(tnetMessage(`6:METHOD,3:GET,${rest}3:x-a,1:1,3:x-a,1:2,`), 'http').header('x-a')).toBe('2');
    const block = '{"METHOD":"GET","VERSION":"HTTP/1.1","x-a":"1","x-a":"2"}';
    expect(good(`s 7 /x ${block.length}:${block},0:,`, 'http').header('x-a')).toBe('2');
  });

  test('hostile names and raw bytes pass', () => {
    const decoded = good(tnetMessage(`6:METHOD,3:GET,${rest}9:__proto__,1:x,11:constructor,3:\x00\t\xff,`), 'http');
    expect(decoded.headers).toEqual(
      new Map([
        ['__proto__', 'x'],
        ['constructor', '\x00\t\xff'],
      ]),
    );
    expect(decoded.header('__proto__')).toBe('x');
  });

  test.each([
    ['an integer as value', '3:x-a,1:1#'],
    ['a dict as value', '3:x-a,0:}'],
    ['null as value', '3:x-a,0:~'],
    ['an integer in a list', '3:x-a,4:1:1#]'],
    ['a broken list', '3:x-a,3:9:1]'],
    ['an integer as name', '1:1#1:x,'],
    ['a name without a value', '3:x-a,'],
    ['a value that runs out of the block', '3:x-a,9:x,'],
    ['garbage', 'x'],
  ])('%s is refused', (_, pair) => {
    expect(bad(tnetMessage(`6:METHOD,3:GET,${rest}${pair}`)).details).toMatchObject({ server: 's', id: 7 });
  });
});

describe('limits', () => {
  const over = (limits: Partial<typeof defaultWireLimits>, text: string): M2Error => {
    const decoded = decodeMessage(bytesOf(text), { ...defaultWireLimits, ...limits });
    if (!(decoded instanceof M2Error)) throw new Error('decoded');
    expect(decoded.code).toBe('M2_LIMIT_EXCEEDED');
    return decoded;
  };

  test.each([
    ['messageBytes', { messageBytes: 100 }, message(httpMeta)],
    ['headerBytes', { headerBytes: 100 }, message(httpMeta)],
    ['headerCount', { headerCount: 5 }, message(httpMeta)],
    ['headerCount', { headerCount: 1 }, tnetMessage('6:METHOD,3:GET,7:VERSION,8:HTTP/1.1,')],
    ['prefixBytes', { prefixBytes: 50 }, message(httpMeta, { path: `/${'x'.repeat(100)}` })],
    ['prefixBytes', { prefixBytes: 50 }, 'x'.repeat(100)],
  ])('%s', (limit, limits, text) => {
    expect(over(limits, text).details.limit).toBe(limit);
  });

  test('what is exactly at a limit passes', () => {
    const text = message(httpMeta);
    const exact = { messageBytes: text.length, headerBytes: JSON.stringify(httpMeta).length, headerCount: 6, prefixBytes: 64 };
    expect(decodeMessage(bytesOf(text), exact)).not.toBeInstanceOf(M2Error);
  });

  test('a notice of more than 4 KiB is not parsed', () => {
    const text = message({ METHOD: 'JSON' }, { path: '@*', body: JSON.stringify({ type: 'x'.repeat(5000) }) });
    expect(over({}, text).details.limit).toBe('noticeBytes');
  });
});
