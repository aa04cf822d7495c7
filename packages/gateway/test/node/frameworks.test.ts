// What each framework does in its own words.
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { connect as connectClient, deferred } from '../harness.js';
import { express, express4, type FastifyReply, type FastifyRequest, fastify, Koa, serveNode } from './kinds.js';

interface ExpressResponse {
  json(value: unknown): void;
  status(code: number): ExpressResponse;
  send(value: unknown): void;
  redirect(path: string): void;
  cookie(name: string, value: string): ExpressResponse;
  sendFile(path: string, options: unknown): void;
}

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('%s', (_, make) => {
  const app = () => {
    const made = make();
    made.use(make === express ? express.json() : express4.json());
    made.get('/json', (__: never, response: ExpressResponse) => response.json({ a: 1 }));
    made.get('/redirect', (__: never, response: ExpressResponse) => response.cookie('a', '1').cookie('b', '2').redirect('/json'));
    made.get('/who', (request: Record<'ip' | 'protocol' | 'hostname' | 'secure' | 'url', unknown>, response: ExpressResponse) =>
      response.send([request.ip, request.protocol, request.hostname, request.secure, request.url].join(' ')),
    );
    made.get('/throws', () => {
      throw Object.assign(new Error('secret'), { status: 418, expose: false });
    });
    made.post('/echo', (request: { body: unknown }, response: ExpressResponse) => response.status(201).json(request.body));
    return serveNode(made as never);
  };

  it('answers', async () => {
    const { ask } = await app();
    const answer = await ask('/json');
    expect([answer.text, answer.header('content-type'), answer.header('etag')]).toEqual([
      '{"a":1}',
      'application/json; charset=utf-8',
      expect.stringMatching(/^W\//),
    ]);
    const conditional = await ask({ path: '/json', headers: [['if-none-match', answer.header('etag') ?? '']] });
    expect([conditional.status, conditional.text]).toEqual([304, '']);
    const redirect = await ask('/redirect');
    expect([redirect.status, redirect.header('location'), redirect.all('set-cookie')]).toEqual([
      302,
      '/json',
      ['a=1; Path=/', 'b=2; Path=/'],
    ]);
    expect((await ask('/who?x=1')).text).toBe('127.0.0.1 http localhost false /who?x=1');
    expect((await ask('/missing')).status).toBe(404);
    const echo = await ask({ path: '/echo', body: '{"b":2}', headers: [['content-type', 'application/json']] });
    expect([echo.status, echo.text]).toEqual([201, '{"b":2}']);
    expect((await ask({ path: '/json', method: 'HEAD' })).header('content-length')).toBe('7');
  });

  it('handles its own errors, and none of a body that it did not read', async () => {
    const { mongrel2 } = await app();
    const client = connectClient(mongrel2, { path: '/nowhere', body: 'unread'.repeat(10_000) });
    expect((await client.response()).status).toBe(404);
    expect((await client.request({ path: '/json' }).response()).text).toBe('{"a":1}');
  });
});

describe('Koa', () => {
  it('sends every kind of body', async () => {
    const bodies: Record<string, () => unknown> = {
      '/text': () => 'text',
      '/json': () => ({ a: 1 }),
      '/buffer': () => Buffer.from('buffer'),
      '/stream': () => Readable.from(['a', 'b']),
      '/empty': () => null,
    };
    const { ask } = await serveNode(
      new Koa().use((context) => {
        const body = bodies[context.path];
        if (body !== undefined) context.body = body();
      }) as never,
    );
    const texts = await Promise.all(Object.keys(bodies).map(async (path) => (await ask(path)).text));
    expect(texts).toEqual(['text', '{"a":1}', 'buffer', 'ab', '']);
    expect([(await ask('/empty')).status, (await ask('/missing')).status]).toEqual([204, 404]);
  });

  it('compat 3: answers pipelined requests, and knows who asked', async () => {
    const { mongrel2 } = await serveNode(
      new Koa().use(async (context) => {
        await new Promise((resolve) => setImmediate(resolve));
        context.body = `${context.path} ${context.ip} ${context.protocol}`;
      }) as never,
    );
    const client = connectClient(mongrel2, { path: '/a' }).request({ path: '/b' });
    expect([(await client.response()).text, (await client.response()).text]).toEqual(['/a 127.0.0.1 http', '/b 127.0.0.1 http']);
  });

  it('ends a stream whose client has gone', async () => {
    const destroyed = deferred();
    const started = deferred();
    const app = new Koa().use((context) => {
      const stream = new Readable({
        read: () => started.resolve(),
        destroy: (_, done) => {
          destroyed.resolve();
          done(null);
        },
      });
      stream.push('x');
      context.body = stream;
    });
    app.on('error', () => {});
    const { mongrel2 } = await serveNode(app as never);
    const client = connectClient(mongrel2);
    await started.promise;
    client.disconnect();
    await destroyed.promise;
  });
});

describe('Fastify', () => {
  it('is made ready, routes, and is closed with the server', async () => {
    const app = fastify();
    let closed = false;
    app.addHook('onClose', async () => {
      closed = true;
    });
    app.get('/async', async () => ({ a: 1 }));
    app.get('/stream', (_: FastifyRequest, reply: FastifyReply) => reply.send(Readable.from(['a', 'b'])));
    app.get('/who', async ({ ip, protocol }: FastifyRequest) => `${ip} ${protocol}`);
    app.get('/throws', async () => {
      throw new Error('shown by Fastify itself');
    });
    app.post('/echo', async ({ body }: FastifyRequest) => body);
    const { ask, server } = await serveNode(app);
    const texts = await Promise.all(['/async', '/stream', '/who'].map(async (path) => (await ask(path)).text));
    expect(texts).toEqual(['{"a":1}', 'ab', '127.0.0.1 http']);
    expect((await ask('/throws')).status).toBe(500);
    expect((await ask('/missing')).status).toBe(404);
    expect((await ask({ path: '/echo', body: '{"b":2}', headers: [['content-type', 'application/json']] })).text).toBe('{"b":2}');
    expect(
      (await ask({ path: '/echo', body: `{"c":"${'x'.repeat(200_000)}"}`, headers: [['content-type', 'application/json']] })).body
        .length,
    ).toBe(200_008);
    await server.stop();
    expect(closed).toBe(true);
  });

  it('compat 8: times a handler out by its own socket', async () => {
    const app = fastify({ handlerTimeout: 30 });
    app.get('/slow', () => new Promise(() => {}));
    app.get('/quick', async () => 'quick');
    const { mongrel2 } = await serveNode(app);
    const client = connectClient(mongrel2, { path: '/quick' });
    expect((await client.response()).text).toBe('quick');
    expect((await client.request({ path: '/slow' }).response()).status).toBe(503);
  });

  it('that cannot start fails whoever waits for it, and answers 500 to others', async () => {
    const { nodeHandler } = await import('../../src/node/index.js');
    const { serveApp } = await import('../harness.js');
    const app = {
      ready: () => Promise.reject(new Error('no database')),
      routing: () => {},
      server: undefined,
      close: async () => {},
    };
    const handler = nodeHandler(app);
    await expect(handler.ready).rejects.toThrow('no database');
    const { ask } = await serveApp({ handler });
    expect((await ask()).status).toBe(500);
  });
});

describe('nodeHandler', () => {
  it.each([[{}], ['app'], [undefined], [class App {}]])('refuses %s', async (value) => {
    const { nodeHandler } = await import('../../src/node/index.js');
    expect(() => nodeHandler(value as never)).toThrow(/which is no \(req, res\) app/);
  });
});
