import { fileURLToPath } from 'node:url';
import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { keepLines, serveApp } from '../../test/harness.js';
import { nativeImport } from '../../test/native-import.js';
import type { Middleware } from '../index.js';
import { type LoadAppOptions, type LoadedApp, loadApp } from './index.js';

const cwd = fileURLToPath(new URL('../../test/fixtures/apps/', import.meta.url));
const load = (specifier: string, options: LoadAppOptions = {}): Promise<LoadedApp> =>
  loadApp(specifier, { cwd, importModule: nativeImport, ...options });

/** The error of an app that cannot be loaded. */
async function failure(specifier: string, options: LoadAppOptions = {}): Promise<M2Error> {
  const error = await load(specifier, options).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!M2Error.is(error)) throw new Error(`No M2Error, but ${String(error)}.`);
  return error;
}

const answer = async (specifier: string, options: LoadAppOptions = {}): Promise<string> =>
  (await (await serveApp(await load(specifier, options))).ask()).text;

describe('loadApp: what is an app', () => {
  it.each([
    ['./default.mjs', 'default /'],
    ['default.mjs:default', 'default /'],
    [`${cwd}default.mjs`, 'default /'],
    [new URL('../../test/fixtures/apps/default.mjs', import.meta.url).href, 'default /'],
    ['./module-fetch.mjs', 'module'],
    ['./module-fetch.mjs:fetch', 'module'],
    ['./object.mjs', 'object'],
    ['./promise.mjs', 'promise'],
    ['./hono.mjs', 'hono'],
    ['./exports.mjs:app', 'app'],
    ['./commonjs.cjs:app', 'commonjs'],
    ['./compiled.cjs', 'compiled'],
    ['./with:colon.mjs', 'colon'],
    ['./folder/index.mjs', 'index'],
  ])('runs %s', async (specifier, text) => expect(await answer(specifier)).toBe(text));

  it('tells kind, name and path', async () => {
    expect(await load('./exports.mjs:app')).toMatchObject({
      kind: 'fetch',
      name: './exports.mjs:app',
      path: `${cwd}exports.mjs`,
    });
  });

  it('calls a factory that was named as one, or was said to be one', async () => {
    expect(await answer('./exports.mjs:createApp')).toBe('created');
    expect(await answer('./exports.mjs:createLater')).toBe('later');
    expect(await answer('./exports.mjs:createdAt')).toBe('created at noon');
    expect(await answer('./exports.mjs:createApp', { factory: true })).toBe('created');
  });

  it('hands its settings on to the handler', async () => {
    const logger = keepLines();
    const { handler } = await load('./default.mjs', { rootPath: '/shop', logger });
    const { ask } = await serveApp({ handler });
    expect([(await ask('/shop/cart')).text, (await ask('/cart')).status]).toEqual(['default /cart', 404]);
  });
});

describe('loadApp: middleware', () => {
  const marking: Middleware = async (_, next) => {
    const response = await next();
    response.headers.set('marked', 'yes');
    return response;
  };

  it('goes around a fetch app', async () => {
    const { handler } = await load('./default.mjs', { middleware: [marking] });
    const { ask } = await serveApp({ handler });
    expect((await ask('/x')).header('marked')).toBe('yes');
  });

  it.each(['./listener.mjs', './server.mjs', './express-like.mjs', './koa-like.mjs', './fastify-like.mjs'])(
    'is refused around %s, which has its own',
    async (specifier) => {
      const error = await failure(specifier, { middleware: [marking] });
      expect([error.code, error.message]).toEqual(['M2_MIDDLEWARE_UNSUPPORTED', expect.stringContaining(`${specifier} exports`)]);
    },
  );
});

describe('loadApp: M2_APP_NOT_FOUND', () => {
  it('names the path that was tried', async () => {
    const error = await failure('./no/such/app.mjs');
    expect([error.code, error.message]).toEqual([
      'M2_APP_NOT_FOUND',
      `There is no file ${cwd}no/such/app.mjs. The app is given as file[:export], the file relative to the current folder, such as ./app.mjs.`,
    ]);
  });

  it.each([
    ['./defualt.mjs', './default.mjs'],
    ['default', './default.mjs'],
    ['default.js', './default.mjs'],
    ['exports:app', './exports.mjs:app'],
    ['/default.mjs', './default.mjs'],
    ['/default.mjs:default', './default.mjs:default'],
  ])('suggests for %s: %s', async (given, meant) => {
    const error = await failure(given);
    expect([error.code, error.message.split('. ')[1]]).toEqual(['M2_APP_NOT_FOUND', `Did you mean ${meant}?`]);
  });

  it('knows a folder, and what may be meant in it', async () => {
    const error = await failure('./folder');
    expect([error.code, error.message]).toEqual([
      'M2_APP_NOT_FOUND',
      `${cwd}folder is a folder, not the file of an app. Did you mean ./folder/index.mjs?`,
    ]);
  });
});

describe('loadApp: M2_APP_EXPORT_MISSING', () => {
  it.each([
    [
      './exports.mjs:ap',
      "./exports.mjs has no export 'ap'. It exports app, createApp, createBroken, createLater, createdAt, makeNothing, number.",
    ],
    [
      './exports.mjs',
      './exports.mjs has neither a default export nor one called fetch. It exports app, createApp, createBroken, createLater, createdAt, ' +
        'makeNothing, number. Name one, as in ./exports.mjs:app',
    ],
    [
      './nothing.mjs',
      './nothing.mjs exports nothing. Export the app, as in: export default (request) => new Response("hello"). One that calls listen() must do so before its import is over.',
    ],
    ['./commonjs.cjs:nothing', "./commonjs.cjs has no export 'nothing'. It exports app, default, other."],
  ])('%s', async (specifier, message) => {
    const error = await failure(specifier);
    expect([error.code, error.message]).toEqual(['M2_APP_EXPORT_MISSING', message]);
  });
});

describe('loadApp: M2_APP_NOT_RECOGNISED', () => {
  it.each([
    [
      './config.mjs',
      /^\.\/config\.mjs exports a plain object\. An app is a function .*an http\.Server\. For example: export default/,
    ],
    ['./exports.mjs:number', /exports the number 7\./],
    ['./class.mjs', /exports a class \(export an instance of it\)/],
    ['./exports.mjs:makeNothing', /is a factory that returned undefined\./],
  ])('%s', async (specifier, message) => {
    const error = await failure(specifier);
    expect(error.code).toBe('M2_APP_NOT_RECOGNISED');
    expect(error.message).toMatch(message);
  });

  it('says of a factory that is none', async () => {
    expect((await failure('./object.mjs', { factory: true })).message).toMatch(/exports a plain object, which is no factory/);
  });
});
