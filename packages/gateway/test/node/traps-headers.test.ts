// Traps 48 to 58: what apps see of a request's head.
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { RawRequest } from '../harness.js';
import { kinds, serveNode } from './kinds.js';

const HOST = ['host', 'localhost'] as const;
const seen = (reply: string): unknown => JSON.parse(reply.split('\r\n\r\n')[1] ?? '');

/** `headers` as Node itself makes them of these lines. */
function nodeHeaders(lines: readonly (readonly [string, string])[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const server = createServer((request, response) => {
      resolve(request.headers);
      response.end();
      server.close();
      server.closeAllConnections();
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const request = httpRequest({ port, host: '127.0.0.1', setHost: false });
      request.on('error', reject);
      const values = new Map<string, string[]>();
      for (const [name, value] of lines) values.set(name, [...(values.get(name) ?? []), value]);
      for (const [name, list] of values) request.setHeader(name, list.length === 1 ? (list[0] ?? '') : list);
      request.end();
    });
  });
}

describe.each(kinds)('heads of requests, for $kind', ({ make }) => {
  const given = async () => {
    const { askRaw } = await serveNode(
      make((request, response) => response.end(JSON.stringify([request.headers, request.rawHeaders]), 'latin1')),
    );
    return async (request: Partial<RawRequest>) =>
      seen(await askRaw({ uri: '/', ...request })) as [Record<string, unknown>, string[]];
  };

  it('compat 48: joins repeated headers as Node does', async () => {
    const ask = await given();
    const names = [
      'x-multi',
      'cookie',
      'set-cookie',
      'content-type',
      'user-agent',
      'authorization',
      'age',
      'accept',
      'referer',
      'vary',
    ];
    const lines = names.flatMap(
      (name) =>
        [
          [name, 'one'],
          [name, 'two'],
        ] as const,
    );
    const [headers] = await ask({ headers: [HOST, ...names.map((name) => [name, ['one', 'two']] as const)] });
    const { connection: _, ...expected } = (await nodeHeaders([HOST, ...lines])) as Record<string, unknown>;
    expect(headers).toEqual(expected);
  });

  it('compat 48: __proto__ is a raw header only', async () => {
    const ask = await given();
    const [headers, raw] = await ask({ headers: [HOST, ['__proto__', 'x'], ['constructor', 'y']] });
    expect(Object.keys(headers)).not.toContain('__proto__');
    expect(headers.constructor).toBe('y');
    expect(raw).toEqual(expect.arrayContaining(['__proto__', 'x']));
  });

  it("compat 49: Mongrel2's own keys are no headers", async () => {
    const ask = await given();
    const [headers] = await ask({ headers: [HOST, ['path', '/forged'], ['x-mongrel2-upload-start', '/etc/passwd']] });
    expect(headers).toEqual({ host: 'localhost', path: '/forged' });
  });

  it('compat 50: bytes are latin1', async () => {
    const ask = await given();
    const [headers] = await ask({ headers: [HOST, ['x-name', 'caf\u00e9']] });
    expect(headers['x-name']).toBe('café');
  });

  it('compat 58: a name with underscores is left out only beside the same name with dashes', async () => {
    const ask = await given();
    const [headers] = await ask({ headers: [HOST, ['x_real_ip', 'forged'], ['x-real-ip', '1.2.3.4'], ['x_alone', 'stays']] });
    expect(headers).toEqual({ host: 'localhost', 'x-real-ip': '1.2.3.4', x_alone: 'stays' });
  });

  it.each(['/a/b?c=d', '//evil/p', '/%2e%2e/a', '/a?b=c#d', `/${'x'.repeat(4000)}`])(
    'compat 54 to 56: the target is %s as it came',
    async (uri) => {
      const { askRaw } = await serveNode(
        make((request, response) =>
          response.end(JSON.stringify((request as { originalUrl?: string }).originalUrl ?? request.url)),
        ),
      );
      expect(seen(await askRaw({ uri, meta: [['METHOD', 'OPTIONS']], headers: [HOST] }))).toBe(uri);
    },
  );
});

describe('OPTIONS *', () => {
  it('compat 54: is * for the app', async () => {
    const { askRaw } = await serveNode((request, response) => response.end(request.url), { node: { rootPath: '/shop' } });
    expect(await askRaw({ uri: '*', meta: [['METHOD', 'OPTIONS']], headers: [HOST] })).toMatch(/\r\n\r\n\*$/);
  });
});

describe('heads that no app gets', () => {
  const hello = async () => {
    const { askRaw } = await serveNode((_, response) => response.end('app'));
    return async (request: Partial<RawRequest>) => {
      const reply = await askRaw({ uri: '/', ...request });
      return [reply.slice(9, 12), reply.includes('Connection: close')];
    };
  };

  it.each(['a b', 'user@host', 'host/path', 'host:port', '[::1'])('compat 52: Host %s', async (host) => {
    expect(await (await hello())({ headers: [['host', host]] })).toEqual(['400', true]);
  });

  it.each(['localhost', 'EXAMPLE.com:8080', '[::1]:80', 'a_b', ''])('compat 52: Host %s passes', async (host) => {
    expect(await (await hello())({ headers: [['host', host]] })).toEqual(['200', false]);
  });

  it('compat 53: two Hosts, or none', async () => {
    const ask = await hello();
    expect(await ask({ headers: [['host', ['a', 'b']]] })).toEqual(['400', true]);
    expect(await ask({ headers: [] })).toEqual(['400', true]);
    expect((await ask({ headers: [], meta: [['VERSION', 'HTTP/1.0']] }))[0]).toBe('200');
  });

  it.each<[string, RawRequest['headers']]>([
    [
      'both framings',
      [
        ['content-length', '1'],
        ['transfer-encoding', 'chunked'],
      ],
    ],
    ['a length that is no number', [['content-length', '5abc']]],
    ['two lengths', [['content-length', ['0', '1']]]],
    ['another coding', [['transfer-encoding', 'gzip, chunked']]],
  ])('smuggling: %s', async (_, headers = []) => {
    expect(await (await hello())({ headers: [HOST, ...headers] })).toEqual(['400', true]);
  });

  it('compat 55: has limits of its own', async () => {
    const { askRaw } = await serveNode((_, response) => response.end('app'), {
      node: { limits: { uriBytes: 20, headerCount: 3 } },
    });
    expect((await askRaw({ uri: `/${'x'.repeat(20)}`, headers: [HOST] })).slice(9, 12)).toBe('414');
    const many = Array.from({ length: 4 }, (_, index) => [`x-${index}`, '1'] as const);
    expect((await askRaw({ uri: '/', headers: [HOST, ...many] })).slice(9, 12)).toBe('431');
  });

  it('compat 56: --root-path takes its part of the path off', async () => {
    const { ask } = await serveNode((request, response) => response.end(request.url), { node: { rootPath: '/shop' } });
    expect([(await ask('/shop/cart?a')).text, (await ask('/shop')).text, (await ask('/shopping')).status]).toEqual([
      '/cart?a',
      '/',
      404,
    ]);
  });
});
