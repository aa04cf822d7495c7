import type { Field } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { serveApp } from '../test/harness.js';

const HOST: Field = ['host', 'h'];
const bytes = (length: number) => new Uint8Array(length).fill(97);

/** Status of the answer to a raw POST, and whether the app was called. */
async function post(headers: readonly Field[], body = bytes(0), meta: readonly Field[] = []) {
  let called = false;
  const running = await serveApp((request) => {
    called = true;
    return request.text().then((text) => new Response(text));
  });
  const answer = await running.askRaw({ uri: '/', meta: [['METHOD', 'POST'], ...meta], headers: [HOST, ...headers], body });
  return { status: Number(answer.slice(9, 12)), answer, called, ...running };
}

describe('what a request is refused for', () => {
  it.each<[string, readonly Field[], number]>([
    [
      'Content-Length and Transfer-Encoding',
      [
        ['content-length', '3'],
        ['transfer-encoding', 'chunked'],
      ],
      3,
    ],
    ['a Content-Length with letters', [['content-length', '3abc']], 3],
    ['a Content-Length with a sign', [['content-length', '+3']], 3],
    ['a negative Content-Length', [['content-length', '-3']], 0],
    ['an empty Content-Length', [['content-length', '']], 0],
    ['a list in one Content-Length', [['content-length', '3, 3']], 3],
    ['two Content-Lengths that differ', [['content-length', ['3', '4']]], 3],
    ['a Content-Length that Mongrel2 read as 0', [['content-length', '99999999999']], 0],
    ['a Transfer-Encoding that Mongrel2 took for no body', [['transfer-encoding', 'Chunked']], 0],
    ['a coding before chunked', [['transfer-encoding', 'gzip, chunked']], 0],
    ['two Transfer-Encodings', [['transfer-encoding', ['chunked', 'chunked']]], 0],
  ])('safety 3.1: %s gets 400 and a closed connection', async (_, headers, length) => {
    const { status, answer, called } = await post(headers, bytes(length));
    expect(status).toBe(400);
    expect(answer).toContain('Connection: close\r\n');
    expect(called).toBe(false);
  });

  it('safety 3.1: takes one length twice, and zeros before it', async () => {
    expect((await post([['content-length', ['3', '3']]], bytes(3))).status).toBe(200);
    expect((await post([['content-length', '003']], bytes(3))).status).toBe(200);
  });

  it.each(['TRACE', 'CONNECT', 'TRACK'])('26: answers 501 to %s, which no Request can have', async (method) => {
    const { ask } = await serveApp(() => new Response());
    expect((await ask({ method })).status).toBe(501);
  });

  it('26: gives the app any other method', async () => {
    const { ask } = await serveApp((request) => new Response(new Request(request).method));
    for (const method of ['PROPFIND', 'QUERY', 'X1', 'PATCH', 'DELETE']) expect((await ask({ method })).text).toBe(method);
  });
});

describe('stored uploads without a folder to read them from', () => {
  const START: Field = ['x-mongrel2-upload-start', '/uploads/up.OK3YBz'];

  it('are answered 413, closed, and explained once', async () => {
    const { status, answer, called, askRaw, lines } = await post([['content-length', '30000'], START]);
    expect([status, called]).toEqual([413, false]);
    expect(answer).toContain('Connection: close\r\n');
    await askRaw({ uri: '/', meta: [['METHOD', 'POST']], headers: [HOST, ['transfer-encoding', 'chunked'], START] });
    expect(lines.map(({ level, message }) => [level, message.includes('--upload-dir=DIR')])).toEqual([['warn', true]]);
  });

  it('that are forged are ordinary requests, and the app sees neither header', async () => {
    const running = await serveApp(
      (request, { rawHeaders }) => new Response(JSON.stringify([...request.headers.keys(), ...rawHeaders])),
    );
    const forged: Field[] = [HOST, ['x-mongrel2-upload-start', '/etc/passwd'], ['x-mongrel2-upload-done', '/etc/passwd']];
    const get = await running.askRaw({ uri: '/', headers: forged });
    expect(get).toMatch(/^HTTP\/1\.1 200 /);
    expect(get).not.toContain('mongrel2');
    const small = await running.askRaw({
      uri: '/',
      meta: [['METHOD', 'POST']],
      headers: [...forged, ['content-length', '3']],
      body: bytes(3),
    });
    expect(small).toMatch(/^HTTP\/1\.1 200 /);
    expect(small).not.toContain('mongrel2');
    expect(running.lines).toEqual([]);
  });
});
