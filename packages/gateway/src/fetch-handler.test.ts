import { M2Error } from '@m2/core';
import { ManualClock, turns } from '@m2/core/testing';
import { Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { describe, expect, it } from 'vitest';
import { connect, deferred, onlyFailure, serveApp } from '../test/harness.js';
import { type FetchApp, type FetchInfo, fetchHandler } from './index.js';

describe('fetchHandler: apps', () => {
  it('runs a function and an object with a fetch method', async () => {
    expect((await (await serveApp(() => new Response('function'))).ask()).text).toBe('function');
    const app = {
      greeting: 'object',
      fetch() {
        return new Response(this.greeting);
      },
    };
    expect((await (await serveApp(app)).ask()).text).toBe('object');
  });

  it.each([undefined, null, 7, 'app', {}, { fetch: 1 }])('refuses %j', (app) => {
    expect(() => fetchHandler(app as unknown as FetchApp)).toThrow(M2Error);
  });

  it('gives the app method, URL, body and info', async () => {
    let seen: FetchInfo | undefined;
    const { ask } = await serveApp(async (request, info, context) => {
      seen = info;
      expect(context).toBe(info);
      return new Response(`${request.method} ${request.url} ${await request.text()}`, { status: 201, statusText: 'Made' });
    });
    const response = await ask({ method: 'PUT', path: '/a?b', body: 'z\u00fcrich' });
    expect([response.status, response.reason, response.text]).toEqual([201, 'Made', 'PUT http://localhost/a?b z\u00fcrich']);
    expect(seen).toMatchObject({
      remoteAddress: '127.0.0.1',
      pattern: '/',
      scheme: 'http',
      peerCertSha1: undefined,
      rootPath: '',
    });
    expect(seen?.message.kind).toBe('http');
    expect(seen?.rawHeaders).toContainEqual(['host', 'localhost']);
  });

  it('runs a Hono app, with info as c.env and c.executionCtx', async () => {
    const app = new Hono<{ Bindings: FetchInfo }>();
    app.get('/hello/:name', (c) => c.json({ hello: c.req.param('name'), from: c.env.remoteAddress }));
    app.post('/form', async (c) => {
      const body = await c.req.parseBody();
      setCookie(c, 'a', '1');
      setCookie(c, 'b', '2');
      return c.text(`${body.x} ${getCookie(c, 'session')}`);
    });
    const work = deferred();
    app.get('/later', (c) => {
      c.executionCtx.waitUntil(work.promise);
      return c.text('now');
    });
    const { ask, server, lines } = await serveApp(app);
    expect(JSON.parse((await ask('/hello/m2')).text)).toEqual({ hello: 'm2', from: '127.0.0.1' });
    const type = ['content-type', 'application/x-www-form-urlencoded'] as const;
    const form = await ask({ path: '/form', body: 'x=%2B', headers: [type, ['cookie', 'session=s'], ['cookie', 'other=o']] });
    expect([form.text, form.all('set-cookie')]).toEqual(['+ s', ['a=1; Path=/', 'b=2; Path=/']]);
    expect([(await ask('/nowhere')).status, (await ask({ method: 'HEAD', path: '/hello/m2' })).text]).toEqual([404, '']);
    expect((await ask('/later')).text).toBe('now');
    const stopped = server.stop();
    work.resolve();
    expect(await stopped).toEqual({ unfinished: 0 });
    expect(lines).toEqual([]);
  });

  it('23: leaves Expect to see, and does not answer it', async () => {
    const { ask } = await serveApp((request) => new Response(request.headers.get('expect')));
    const response = await ask({ method: 'POST', body: 'x', headers: [['expect', '100-continue']] });
    expect([response.text, response.interim]).toEqual(['100-continue', []]);
  });

  it('22: gives GET and HEAD no body, whatever was sent, and the connection goes on', async () => {
    const { mongrel2 } = await serveApp(
      async (request) => new Response(`${request.method} ${request.body} ${await request.text()}`),
    );
    const client = connect(mongrel2, { method: 'GET', body: 'hidden' });
    expect((await client.response()).text).toBe('GET null ');
    expect((await client.request({ method: 'HEAD', body: 'hidden' }).response()).status).toBe(200);
    expect((await client.request({ method: 'POST' }).response()).text).toBe('POST null ');
  });
});

describe('fetchHandler: apps that fail', () => {
  const failing: [string, FetchApp, RegExp][] = [
    [
      '41: throws',
      () => {
        throw new Error('secret\nof the app');
      },
      /^The app \.\/app\.mjs failed with "Error: secret of the app" for GET \/x\. .*the client got 500/,
    ],
    ['41: rejects', () => Promise.reject(new TypeError('secret')), /failed with "TypeError: secret" for GET \/x/],
    ['rejects with undefined', () => Promise.reject(undefined), /failed with "undefined"/],
    [
      '42: returns undefined',
      (() => undefined) as unknown as FetchApp,
      /returned undefined for GET \/x\. Return a Response.*Is a "return" missing/,
    ],
    ['42: returns a string', (() => 'secret') as unknown as FetchApp, /returned the string "secret"/],
    ['42: returns a plain object', (() => ({ status: 200 })) as unknown as FetchApp, /returned a plain object/],
    [
      '42: returns an app, as a factory does',
      (async () => new Hono()) as unknown as FetchApp,
      /returned an object of class Hono.*factory/,
    ],
    ['42: returns Response.error()', () => Response.error(), /Response\.error\(\)/],
    [
      '42: returns a Response whose body was read',
      async () => {
        const response = new Response('secret');
        await response.text();
        return response;
      },
      /whose body was read/,
    ],
    [
      '42: returns a Response whose body is being read',
      () => {
        const response = new Response('secret');
        response.body?.getReader();
        return response;
      },
      /is being read/,
    ],
    [
      '51: sends a header that no client could read',
      () => new Response('', { headers: { 'x-a': '\u0001' } }),
      /'x-a' has a line break, a control/,
    ],
    ['51: makes a header beyond latin1', () => new Response('', { headers: { 'x-a': '\u4e16' } }), /TypeError/],
    ['36: makes a 204 with a body', () => new Response(new ReadableStream(), { status: 204 }), /TypeError/],
    [
      'declares another length',
      () => new Response('secret', { headers: { 'content-length': '7' } }),
      /Content-Length 7, but its body has 6 bytes/,
    ],
    [
      'fails before the first byte of its stream',
      () => new Response(new ReadableStream({ start: (controller) => controller.error(new Error('secret')) })),
      /"Error: secret". The client got 500/,
    ],
    [
      'streams what is no bytes',
      () => new Response(new ReadableStream({ start: (c) => c.enqueue('secret') })),
      /the string "secret"; only Uint8Array/,
    ],
  ];

  it.each(failing)('%s: 500, one clear line, nothing told to the client', async (_, app, line) => {
    const running = await serveApp(app, { handler: { name: './app.mjs' } });
    const client = connect(running.mongrel2, { path: '/x?token=secret' });
    const response = await client.response();
    expect([response.status, response.text]).toEqual([500, 'Internal Server Error\n']);
    expect(JSON.stringify(response.headers)).not.toContain('secret');
    const error = onlyFailure(running);
    expect(error.message).toMatch(line);
    expect(error.message).not.toContain('token');
  });

  it('42: returns one Response twice: the second gets 500, on every version of Node', async () => {
    const once = new Response('mine');
    const running = await serveApp(() => once);
    expect((await running.ask()).text).toBe('mine');
    expect((await running.ask()).status).toBe(500);
    expect(onlyFailure(running).message).toMatch(/returned the same Response twice|whose body was read/);
  });

  it('takes a status of 101 for a mistake', async () => {
    const response = Object.defineProperty(new Response(), 'status', { value: 101 });
    const running = await serveApp(() => response);
    expect((await running.ask()).status).toBe(500);
    expect(onlyFailure(running).message).toMatch(/status 101/);
  });

  it('says nothing of an app that gives up because its client left', async () => {
    const began = deferred();
    const { mongrel2, server, lines } = await serveApp((request) => {
      began.resolve();
      return new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)));
    });
    const client = connect(mongrel2);
    await began.promise;
    client.disconnect();
    client.response().catch(() => {});
    await turns(6);
    expect(server.stats().counters).toMatchObject({ clientGone: 1, handlerErrors: 0 });
    expect(lines).toEqual([]);
  });
});

describe('fetchHandler: what is not HTTP', () => {
  it('65: refuses a WebSocket handshake with 426, and closes', async () => {
    const { mongrel2, server } = await serveApp(() => new Response('never'));
    const client = mongrel2.connect().upgrade();
    const response = await client.response();
    expect([response.status, response.header('connection'), response.header('upgrade')]).toEqual([426, 'close', undefined]);
    expect(await client.closed).toBe('handler');
    expect(server.stats().counters).toMatchObject({ received: 1, replied: 1, truncated: 0 });
  });

  it('65: ignores an Upgrade header that Mongrel2 took for none', async () => {
    const { ask } = await serveApp((request) => new Response(request.headers.get('upgrade')));
    expect(
      (
        await ask({
          headers: [
            ['upgrade', 'h2c'],
            ['connection', 'upgrade'],
          ],
        })
      ).text,
    ).toBe('h2c');
  });

  it.each([
    ['@chat', '{"a":1}', 'a JSON'],
    ['<chat', '<chat/>', 'an XML'],
  ])('closes the socket of %s, and says so once', async (route, body, name) => {
    const { mongrel2, lines } = await serveApp(() => new Response('never'));
    for (let n = 0; n < 2; n++) expect(await mongrel2.connect().socketMessage(route, body).closed).toBe('handler');
    expect(lines.map(({ level, message }) => [level, message.split(' for')[0]])).toEqual([
      ['warn', `A message came from ${name} socket`],
    ]);
  });
});

describe('fetchHandler: work after the answer', () => {
  it('68: does not stop before what was passed to waitUntil() has settled', async () => {
    const work = deferred();
    const { ask, server } = await serveApp((_, { waitUntil }) => {
      waitUntil(work.promise);
      return new Response('answered');
    });
    expect((await ask()).text).toBe('answered');
    let stopped = false;
    const stop = server.stop().then(() => {
      stopped = true;
    });
    await turns(20);
    expect(stopped).toBe(false);
    work.resolve();
    await stop;
  });

  it('68: waits no longer than the grace time, and says how much was left', async () => {
    const clock = new ManualClock();
    const handler = { clock };
    const { ask, server, lines } = await serveApp(
      (_, info) => {
        info.waitUntil(new Promise(() => {}));
        return new Response();
      },
      { handler, connection: { clock }, mongrel2: { clock } },
    );
    await ask();
    const stop = server.stop({ graceMs: 500 });
    await clock.advanceInTicks(499);
    expect(lines).toEqual([]);
    await clock.advanceInTicks(2);
    expect(await stop).toEqual({ unfinished: 0 });
    expect(lines.map(({ message }) => message)).toEqual(['waitUntil(): 1 still open when the grace time was over.']);
  });

  it('68: logs a rejection, which ends nothing', async () => {
    const { ask, lines } = await serveApp((_, info) => {
      info.waitUntil(Promise.reject(new Error('later')));
      return new Response('fine');
    });
    expect((await ask()).text).toBe('fine');
    await turns(2);
    expect(lines).toMatchObject([{ level: 'error', error: { message: 'later' } }]);
  });
});
