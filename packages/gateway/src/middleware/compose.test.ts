import { describe, expect, it } from 'vitest';
import { onlyFailure, serveApp } from '../../test/harness.js';
import type { FetchInfo } from '../fetch-info.js';
import { composeMiddleware } from './compose.js';
import type { Middleware } from './middleware.js';

const INFO = { remoteAddress: '203.0.113.9' } as FetchInfo;

/** Adds its name to a header on the way in and to another on the way out. */
const named =
  (name: string): Middleware =>
  async (request, next) => {
    const headers = new Headers(request.headers);
    headers.append('in', name);
    const response = await next(new Request(request, { headers }));
    response.headers.append('out', name);
    return response;
  };

describe('composeMiddleware', () => {
  it('puts the first outermost, and gives each what is inside', async () => {
    const app = composeMiddleware([named('a'), named('b')], (request) => new Response(request.headers.get('in')));
    const response = await app(new Request('http://h/'), INFO, INFO);
    expect([await response.text(), response.headers.get('out')]).toEqual(['a, b', 'b, a']);
  });

  it('gives the app the same info, as its second and third argument, and takes apps of all forms', async () => {
    const seen: unknown[] = [];
    const pass: Middleware = (_, next, info) => {
      seen.push(info);
      return next();
    };
    const object = {
      greeting: 'hi',
      fetch(_: Request, info: FetchInfo, context: FetchInfo) {
        seen.push(info, context);
        return new Response(this.greeting);
      },
    };
    const response = await composeMiddleware([pass], object)(new Request('http://h/'), INFO, INFO);
    expect(await response.text()).toBe('hi');
    expect(seen).toEqual([INFO, INFO, INFO]);
    for (const info of seen) expect(info).toBe(INFO);
  });

  it('lets a middleware answer without the app, and call it more than once', async () => {
    let calls = 0;
    const app = () => new Response(`${++calls}`);
    const closed = composeMiddleware([() => new Response('closed', { status: 503 })], app);
    expect((await closed(new Request('http://h/'), INFO, INFO)).status).toBe(503);
    expect(calls).toBe(0);
    const twice = composeMiddleware([async (_, next) => ((await next()).ok ? next() : next())], app);
    expect(await (await twice(new Request('http://h/'), INFO, INFO)).text()).toBe('2');
  });

  it('lets a middleware catch what the inside throws, and throw itself', async () => {
    const rescue: Middleware = (_, next) => next().catch((error: Error) => new Response(error.message, { status: 500 }));
    const broken = () => {
      throw new Error('no good');
    };
    expect(await (await composeMiddleware([rescue], broken)(new Request('http://h/'), INFO, INFO)).text()).toBe('no good');
    const rescued = composeMiddleware([rescue, broken], () => new Response());
    expect(await (await rescued(new Request('http://h/'), INFO, INFO)).text()).toBe('no good');
  });

  it('is the app itself without middleware, and does not see a list that is changed later', async () => {
    const app = () => new Response('bare');
    expect(composeMiddleware([], app)).toBe(app);
    const list = [named('a')];
    const composed = composeMiddleware(list, () => new Response());
    list.length = 0;
    expect((await composed(new Request('http://h/'), INFO, INFO)).headers.get('out')).toBe('a');
  });

  it.each([[undefined], ['gzip'], [{ fetch: () => new Response() }]])('refuses %j as middleware', (value) => {
    expect(() => composeMiddleware([named('a'), value as never], () => new Response())).toThrow(
      expect.objectContaining({ code: 'M2_OPTION_INVALID', message: expect.stringContaining('place 1') }),
    );
  });
});

describe('middleware of fetchHandler', () => {
  it('goes around the app, on the request that Mongrel2 sent', async () => {
    const { ask } = await serveApp(async (request) => new Response(`${request.headers.get('in')} ${await request.text()}`), {
      handler: { middleware: [named('a'), named('b')] },
    });
    const response = await ask({ method: 'POST', body: 'body' });
    expect([response.text, response.header('out')]).toEqual(['a, b body', 'b, a']);
  });

  it.each<[string, Middleware[], () => unknown, RegExp]>([
    ['the app', [named('a')], () => undefined, /the app returned undefined instead of a Response\. Is a "return" missing\?/],
    ['a middleware', [(() => {}) as never, named('a')], () => new Response(), /the middleware at place 0 returned undefined/],
    [
      'a named middleware',
      [named('a'), async function auth() {} as never],
      () => new Response(),
      /the middleware auth returned undefined/,
    ],
  ])('says who it was that returned no Response: %s', async (_, middleware, app, message) => {
    const running = await serveApp(app as never, { handler: { middleware } });
    expect((await running.ask()).status).toBe(500);
    expect(onlyFailure(running).message).toMatch(message);
  });
});
