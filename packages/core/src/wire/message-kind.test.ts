import { describe, expect, test } from 'vitest';
import { capture } from '../../test/captures/captures.js';
import { M2Error } from '../errors.js';
import { decodeMessage } from './inbound.js';
import type { M2Request } from './message.js';

const http = { VERSION: 'HTTP/1.1', URI: '/x?q', PATTERN: '/', URL_SCHEME: 'http', REMOTE_ADDR: '1.2.3.4' };

function decode(headers: object, { path = '/x', body = '' } = {}): M2Request | M2Error {
  const block = JSON.stringify(headers);
  return decodeMessage(Buffer.from(`s 7 ${path} ${block.length}:${block},${body.length}:${body},`, 'latin1'));
}

function good<K extends M2Request['kind']>(decoded: M2Request | M2Error, kind: K): Extract<M2Request, { kind: K }> {
  if (decoded instanceof M2Error) throw decoded;
  expect(decoded.kind).toBe(kind);
  return decoded as Extract<M2Request, { kind: K }>;
}

function expectBad(decoded: M2Request | M2Error, word: string): void {
  expect(decoded).toBeInstanceOf(M2Error);
  expect(decoded).toMatchObject({ code: 'M2_BAD_MESSAGE', details: { server: 's', id: 7 } });
  expect((decoded as M2Error).message).toContain(word);
}

describe('notices (protocol 3)', () => {
  const notice = (body: string, more: object = {}) => decode({ METHOD: 'JSON', ...more }, { path: '@*', body });

  test('a disconnect, however its JSON is written', () => {
    for (const body of ['{"type":"disconnect"}', '{ "type" : "disconnect", "x": 1 }']) good(notice(body), 'disconnect');
  });

  test('credits, strictly read', () => {
    expect(good(notice('{"type":"credits"}', { DOWNLOAD_CREDITS: '5' }), 'credits').credits).toBe(5);
    expect(good(notice('{"type": "credits"}', { DOWNLOAD_CREDITS: '2147483647' }), 'credits').credits).toBe(2147483647);
    for (const credits of ['', '-1', '+1', '1.5', '1e3', '0x5', ' 5', '05', '2147483648', 'NaN', ['5', '6']]) {
      expectBad(notice('{"type":"credits"}', { DOWNLOAD_CREDITS: credits }), 'DOWNLOAD_CREDITS');
    }
    expectBad(notice('{"type":"credits"}'), 'DOWNLOAD_CREDITS');
  });

  test('an unknown type is told, not refused', () => {
    expect(good(notice('{"type":"party"}'), 'unknown-notice').type).toBe('party');
  });

  test.each(['', '{', 'null', '[]', '"disconnect"', '{}', '{"type":1}', '{"type":null}'])('a body %j is no notice', (body) => {
    expectBad(notice(body), 'type');
  });

  test('a user message {"type":"disconnect"} of a JSON socket is no notice (protocol 10)', () => {
    const decoded = decode({ METHOD: 'JSON', PATTERN: '@route' }, { path: '@route', body: '{"type":"disconnect"}' });
    expect(decoded).toMatchObject({ kind: 'json-socket', pattern: '@route' });
  });

  test('METHOD GET with the path @* is a request, since only METHOD JSON makes a notice', () => {
    good(decode({ ...http, METHOD: 'GET' }, { path: '@*', body: '{"type":"disconnect"}' }), 'http');
  });
});

describe('streamed uploads (protocol 7.3)', () => {
  test('offset 0 does not start a request: METHOD does', () => {
    expect(good(decodeMessage(capture('32').bytes), 'upload-part')).toMatchObject({ offset: 0, done: false });
    expect(good(decodeMessage(capture('31').bytes), 'http').upload).toEqual({ type: 'stream', offset: 0, done: false });
  });

  test('done can already be in the first message', () => {
    const decoded = decode({ ...http, METHOD: 'POST', UPLOAD_STREAM: '0', UPLOAD_STREAM_DONE: '1' }, { body: 'abc' });
    expect(good(decoded, 'http').upload).toEqual({ type: 'stream', offset: 0, done: true });
  });

  test('an offset beyond 32 bits passes, one beyond 53 does not', () => {
    expect(good(decode({ UPLOAD_STREAM: '9007199254740991' }), 'upload-part').offset).toBe(Number.MAX_SAFE_INTEGER);
    expectBad(decode({ UPLOAD_STREAM: '9007199254740992' }), 'UPLOAD_STREAM');
    expectBad(decode({ UPLOAD_STREAM: '99999999999999999999' }), 'UPLOAD_STREAM');
  });

  test.each(['', '-1', '1 ', '0x10', '1e2', '007', ['1', '2']])('an offset %j is refused', (offset) => {
    expectBad(decode({ UPLOAD_STREAM: offset }), 'UPLOAD_STREAM');
    expectBad(decode({ ...http, METHOD: 'POST', UPLOAD_STREAM: offset }), 'UPLOAD_STREAM');
  });

  test('UPLOAD_STREAM_DONE is "1" or absent', () => {
    for (const done of ['0', 'true', '', ['1', '1']])
      expectBad(decode({ UPLOAD_STREAM: '5', UPLOAD_STREAM_DONE: done }), 'UPLOAD_STREAM_DONE');
  });

  test('a message with neither METHOD nor UPLOAD_STREAM is refused', () => {
    expectBad(decode({}), 'UPLOAD_STREAM');
    expectBad(decode({ UPLOAD_STREAM_DONE: '1' }), 'UPLOAD_STREAM');
    // What a client sends never counts: its names are in lower case.
    expectBad(decode({ upload_stream: '0', method: 'GET' }), 'METHOD');
  });
});

describe('stored uploads are only claims (protocol 7.2)', () => {
  test('a forged one looks like a real one here', () => {
    expect(good(decodeMessage(capture('28').bytes), 'http').upload).toEqual({
      type: 'stored',
      start: '/etc/passwd',
      done: '/etc/passwd',
    });
  });

  test('done without start is no upload; the headers stay readable', () => {
    const decoded = good(decode({ ...http, METHOD: 'POST', 'x-mongrel2-upload-done': '/x' }), 'http');
    expect(decoded.upload).toBeUndefined();
    expect(decoded.header('x-mongrel2-upload-done')).toBe('/x');
  });

  test('a streamed upload is not made a stored one by a client', () => {
    const decoded = decode({ ...http, METHOD: 'POST', UPLOAD_STREAM: '0', 'x-mongrel2-upload-start': '/etc/passwd' });
    expect(good(decoded, 'http').upload).toMatchObject({ type: 'stream' });
  });
});

describe('WebSocket (protocol 9)', () => {
  test.each([
    ['0x81', 0x81, 1],
    ['0xC1', 0xc1, 1],
    ['0x83', 0x83, 3],
    ['0x8B', 0x8b, 11],
    ['0xff', 0xff, 15],
  ])('FLAGS %s', (FLAGS, flags, opcode) => {
    expect(good(decode({ ...http, METHOD: 'WEBSOCKET', FLAGS }), 'websocket')).toMatchObject({ flags, opcode });
  });

  test.each(['', '81', '0x', '0x181', '0xg1', '0X81', ' 0x81', '129', ['0x81', '0x81']])('FLAGS %j are refused', (FLAGS) => {
    expectBad(decode({ ...http, METHOD: 'WEBSOCKET', FLAGS }), 'FLAGS');
  });

  test('a client that sends WEBSOCKET as its HTTP method gets an HTTP request: FLAGS cannot be forged', () => {
    // As Mongrel2 1.12.2 forwarded it.
    const headers = {
      PATH: '/w',
      'x-forwarded-for': '127.0.0.1',
      flags: '0x81',
      host: 'localhost',
      METHOD: 'WEBSOCKET',
      ...http,
    };
    expect(good(decode(headers), 'http').method).toBe('WEBSOCKET');
  });

  test('a handshake carries its accept value, and credits on a new connection', () => {
    const decoded = decode(
      { ...http, METHOD: 'WEBSOCKET_HANDSHAKE', DOWNLOAD_CREDITS: '102400' },
      { body: 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' },
    );
    expect(good(decoded, 'websocket-handshake')).toMatchObject({
      accept: 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
      downloadCredits: 102400,
    });
  });
});

describe('JSON and XML sockets, and HTTP methods of those names (protocol 10)', () => {
  test('METHOD JSON or XML with an HTTP path is an HTTP request', () => {
    for (const METHOD of ['JSON', 'XML']) expect(good(decode({ ...http, METHOD }, { path: '/j' }), 'http').method).toBe(METHOD);
  });

  test('a METHOD that fits the other kind of path is no socket', () => {
    good(decode({ ...http, METHOD: 'XML' }, { path: '@x' }), 'http');
    good(decode({ ...http, METHOD: 'JSON' }, { path: '<x' }), 'http');
  });
});

describe('HTTP fields (protocol 2.1)', () => {
  const request = (more: object) => decode({ ...http, METHOD: 'GET', ...more });

  test('what older servers leave out has a plain default', () => {
    expect(good(decode({ METHOD: 'GET', VERSION: 'HTTP/1.0' }), 'http')).toMatchObject({
      uri: '/x',
      query: undefined,
      pattern: '',
      scheme: 'http',
      remoteAddress: '',
      upload: undefined,
      downloadCredits: undefined,
    });
  });

  test.each([
    ['VERSION', 'HTTP/2.0'],
    ['VERSION', ''],
    ['VERSION', ['HTTP/1.1', 'HTTP/1.1']],
    ['URL_SCHEME', 'ftp'],
    ['URI', ['/a', '/b']],
    ['QUERY', ['a']],
    ['PATTERN', []],
    ['REMOTE_ADDR', ['1.1.1.1', '2.2.2.2']],
    ['METHOD', ['GET', 'POST']],
    ['METHOD', ''],
    ['DOWNLOAD_CREDITS', 'many'],
  ])('%s %j is refused', (key, value) => {
    expectBad(request({ [key]: value }), key);
  });

  test('peers 12: the remote address is taken whole', () => {
    for (const REMOTE_ADDR of ['::ffff:127.0.0.1', '2001:db8::1', '1.2.3.4, 5.6.7.8']) {
      expect(good(request({ REMOTE_ADDR }), 'http').remoteAddress).toBe(REMOTE_ADDR);
    }
  });

  test('a bare "?" gives an empty query, none gives undefined', () => {
    expect(good(decodeMessage(capture('04').bytes), 'http').query).toBe('');
    expect(good(decodeMessage(capture('01').bytes), 'http').query).toBeUndefined();
  });
});
