// Traps 34 and 35, and responses whose length is not what they say.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { connect as connectClient } from '../harness.js';
import { kinds, serveNode } from './kinds.js';

type SetHead = (response: ServerResponse) => void;

/** The head, without what Node itself adds. */
const headOf = (headers: readonly (readonly [string, string])[]) =>
  headers.filter(([name]) => !/^(?:date|x-powered-by)$/i.test(name)).map(([name, value]) => `${name}: ${value}`);

describe.each(kinds)('one framing only, for $kind', ({ make }) => {
  it.each<[string, SetHead, readonly string[]]>([
    ['set chunks', (r) => r.setHeader('Transfer-Encoding', 'chunked'), ['Connection: keep-alive', 'Content-Length: 4']],
    [
      'set both',
      (r) => r.setHeader('Transfer-Encoding', 'chunked').setHeader('Content-Length', 4),
      ['Content-Length: 4', 'Connection: keep-alive'],
    ],
    ['another coding', (r) => r.setHeader('Transfer-Encoding', 'gzip, chunked'), ['Connection: keep-alive', 'Content-Length: 4']],
    ['two lengths', (r) => r.setHeader('Content-Length', ['4', '5']), ['Connection: keep-alive', 'Content-Length: 4']],
    ['a length twice', (r) => r.setHeader('Content-Length', ['4', '4']), ['Content-Length: 4', 'Connection: keep-alive']],
    ['no number', (r) => r.setHeader('Content-Length', '4abc'), ['Connection: keep-alive', 'Content-Length: 4']],
    [
      'written both',
      (r) => r.writeHead(200, { 'transfer-encoding': 'chunked', 'Content-Length': '4' }),
      ['Content-Length: 4', 'Connection: keep-alive'],
    ],
    [
      'set and written',
      (r) => r.setHeader('X-A', '1').writeHead(200, { 'Transfer-Encoding': 'chunked', 'X-B': ['2', '3'] }),
      ['X-A: 1', 'X-B: 2', 'X-B: 3', 'Connection: keep-alive', 'Transfer-Encoding: chunked'],
    ],
  ])('compat 34: %s', async (_, set, head) => {
    const { mongrel2 } = await serveNode(
      make((__, response) => {
        response.removeHeader('X-Powered-By');
        set(response);
        response.end('body');
      }),
    );
    const client = connectClient(mongrel2);
    const response = await client.response();
    expect([headOf(response.headers).sort(), response.text]).toEqual([[...head].sort(), 'body']);
    expect((await client.request().response()).text).toBe('body');
  });

  it('compat 35: leaves out what belongs to the connection', async () => {
    const { ask } = await serveNode(
      make((_, response) => {
        for (const name of ['Keep-Alive', 'Proxy-Connection', 'TE', 'Upgrade', 'X-Hop']) response.setHeader(name, 'yes');
        response.setHeader('Connection', 'X-Hop, keep-alive');
        response.setHeader('X-Stays', 'yes');
        response.removeHeader('X-Powered-By');
        response.end('x');
      }),
    );
    expect(headOf((await ask()).headers).sort()).toEqual(['Connection: keep-alive', 'Content-Length: 1', 'X-Stays: yes']);
  });

  it('a body shorter than its length is cut off, and said in the log', async () => {
    const { mongrel2, told } = await serveNode(
      make((_, response) => {
        response.setHeader('Content-Length', 10);
        response.write('four');
        setImmediate(() => response.end());
      }),
    );
    const client = connectClient(mongrel2);
    await expect(client.response()).rejects.toThrow();
    expect(await client.closed).toBe('handler');
    expect(told.map(({ message }) => message)).toEqual([
      expect.stringMatching(/content-length.*for GET \/\. .*it was cut short\.$/),
    ]);
  });

  it('a body longer than its length gets 500 where nothing was sent', async () => {
    const { ask, told } = await serveNode(
      make((_, response) => {
        response.setHeader('Content-Length', 2);
        response.end('four');
      }),
    );
    expect((await ask()).status).toBe(500);
    expect(told).toHaveLength(1);
  });

  it('a stream that is longer than its length ends the response, not the process', async () => {
    const { mongrel2 } = await serveNode(
      make((_: IncomingMessage, response) => {
        response.setHeader('Content-Length', 5);
        response.write('f', () => Readable.from(['our', 'more', 'and more']).pipe(response));
      }),
    );
    const client = connectClient(mongrel2);
    await expect(client.response()).rejects.toThrow();
    expect(Buffer.from(client.received).toString()).not.toContain('more');
  });
});

describe('two lengths that writeHead is given', () => {
  it('compat 34: are none', async () => {
    const { ask } = await serveNode((_, response) =>
      response.writeHead(200, ['Content-Length', '4', 'content-length', '9']).end('body'),
    );
    const response = await ask();
    expect([response.framing, response.text]).toEqual(['chunked', 'body']);
  });
});

describe('statuses that are no answer', () => {
  it.each([100, 102, 199])('%s as the final one closes the connection', async (status) => {
    const { mongrel2 } = await serveNode((_, response) => response.writeHead(status).end());
    expect(await connectClient(mongrel2).closed).toBe('handler');
  });
});
