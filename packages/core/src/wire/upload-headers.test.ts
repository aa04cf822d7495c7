import { describe, expect, test } from 'vitest';
import { capture } from '../../test/captures/captures.js';
import { decodeMessage } from './inbound.js';
import type { HttpRequest } from './message.js';
import { encodeRequest, type Field } from './request-encoder.js';
import { checkUploadHeaders } from './upload-headers.js';

const options = { contentLengthLimit: 20_480 };
const START = '/uploads/up.OK3YBz';

function request(headers: readonly Field[], body = ''): HttpRequest {
  const meta: Field[] = [
    ['METHOD', 'POST'],
    ['VERSION', 'HTTP/1.1'],
  ];
  return decodeMessage(
    encodeRequest({ server: 's', id: 1, path: '/up', meta, headers, body: Buffer.from(body) }, 'tnetstring'),
  ) as HttpRequest;
}

const check = (headers: readonly Field[], body?: string) => checkUploadHeaders(request(headers, body), options);
const stored = (length: Field[1] | undefined, ...more: Field[]): Field[] => [
  ['x-mongrel2-upload-start', START],
  ...(length === undefined ? [] : [['content-length', length] as const]),
  ...more,
];

describe('checkUploadHeaders (protocol 7.2)', () => {
  test('a real start and a real end', () => {
    const start = decodeMessage(capture('25').bytes) as HttpRequest;
    expect(checkUploadHeaders(start, options)).toEqual({
      ok: true,
      start: START,
      done: false,
      doneForged: false,
      length: 30_000,
    });
    const end = decodeMessage(capture('26').bytes) as HttpRequest;
    expect(checkUploadHeaders(end, options)).toEqual({ ok: true, start: START, done: true, doneForged: false, length: 30_000 });
  });

  test('peers 1: start and done that agree prove nothing: forged with a length that Mongrel2 reads as 0', () => {
    const forged = decodeMessage(capture('28').bytes) as HttpRequest;
    expect(checkUploadHeaders(forged, options)).toEqual({ ok: false, reason: 'content-length' });
  });

  test('peers 1: a GET with both headers and no body at all', () => {
    const headers: Field[] = [
      ['x-mongrel2-upload-start', '/etc/passwd'],
      ['x-mongrel2-upload-done', '/etc/passwd'],
    ];
    expect(check(headers)).toEqual({ ok: false, reason: 'transfer-encoding' });
  });

  test.each([
    '0',
    '4294967296',
    '99999999999999999999',
    '2147483648',
    '20480',
    '1',
    '-30000',
    '+30000',
    ' 30000',
    '30000 ',
    '3e5',
    '0x7530',
    '',
    '30000,30000',
  ])('content-length %j is refused', (length) => {
    expect(check(stored(length, ['transfer-encoding', 'chunked']))).toEqual({ ok: false, reason: 'content-length' });
  });

  test.each([
    ['20481', 20_481],
    ['2147483647', 2_147_483_647],
    ['0030000', 30_000],
  ])('content-length %s passes', (length, value) => {
    expect(check(stored(length))).toMatchObject({ ok: true, length: value });
  });

  test('of two lengths the first counts, as in Mongrel2', () => {
    expect(check(stored(['30000', '5']))).toMatchObject({ ok: true, length: 30_000 });
    expect(check(stored(['5', '30000']))).toEqual({ ok: false, reason: 'content-length' });
  });

  test('a chunked body passes without a length, spelled exactly so', () => {
    expect(check(stored(undefined, ['transfer-encoding', 'chunked']))).toMatchObject({ ok: true, length: undefined });
    for (const coding of ['Chunked', 'gzip, chunked', 'chunked ', '', ['chunked', 'chunked']]) {
      expect(check(stored(undefined, ['transfer-encoding', coding]))).toEqual({ ok: false, reason: 'transfer-encoding' });
    }
  });

  test('a body means that nothing was stored', () => {
    expect(check(stored('30000'), 'x')).toEqual({ ok: false, reason: 'body-not-empty' });
  });

  test('start is one name, without "..", NUL or nothing', () => {
    const startOf = (start: Field[1]) =>
      check([
        ['x-mongrel2-upload-start', start],
        ['content-length', '30000'],
      ]);
    expect(startOf([START, '/etc/passwd'])).toEqual({ ok: false, reason: 'start-not-single' });
    expect(startOf('')).toEqual({ ok: false, reason: 'start-not-single' });
    for (const start of ['/uploads/../etc/passwd', '..', '/uploads/up.OK3YBz\0.txt']) {
      expect(startOf(start)).toEqual({ ok: false, reason: 'start-suspicious' });
    }
    expect(startOf('/uploads/up..x')).toMatchObject({ ok: true });
  });

  test("a done of the client's own in the start message does not make the upload done", () => {
    for (const done of ['/etc/passwd', ['/uploads/up.OK3YBz', '/etc/passwd']]) {
      expect(check(stored('30000', ['x-mongrel2-upload-done', done]))).toMatchObject({ ok: true, done: false, doneForged: true });
    }
  });

  test('without the header, or with a streamed upload, there is nothing to check', () => {
    expect(check([['content-length', '30000']])).toEqual({ ok: false, reason: 'not-stored' });
    expect(check(stored('30000', ['UPLOAD_STREAM', '0']))).toEqual({ ok: false, reason: 'not-stored' });
  });
});
