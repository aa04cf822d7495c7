import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { M2Error } from '@m2/core';
import { describe, expect, it } from 'vitest';
import { serveApp } from '../../test/harness.js';
import { nativeImport } from '../../test/native-import.js';
import { type LoadedApp, loadApp } from './index.js';
import { captureListen } from './node-listen.js';

const cwd = fileURLToPath(new URL('../../test/fixtures/apps/node/', import.meta.url));

async function load(specifier: string): Promise<LoadedApp & { readonly told: readonly string[] }> {
  const told: string[] = [];
  const info = (message: string): void => void told.push(message);
  const loaded = await loadApp(specifier, {
    cwd,
    importModule: nativeImport,
    logger: { debug: info, info, warn: info, error: info },
  });
  return { ...loaded, told };
}

const answer = async (app: LoadedApp): Promise<string> => (await (await serveApp(app)).ask()).text;

describe('loadApp: (req, res) apps', () => {
  it.each([
    ['express.mjs', 'express', 'express'],
    ['koa.mjs', 'koa', 'koa'],
    ['fastify.mjs', 'fastify', 'fastify'],
    ['polka.mjs', 'express', 'polka'],
    ['connect.mjs', 'express', 'connect'],
    ['listener.mjs', 'node', 'listener'],
    ['server.mjs', 'server', 'server'],
  ])('runs %s', async (specifier, kind, text) => {
    const app = await load(specifier);
    expect([app.kind, await answer(app), app.told]).toEqual([kind, text, []]);
  });

  it('says what kept an app from starting', async () => {
    const error = await load('fastify-broken.mjs').catch((cause: unknown) => cause);
    if (!M2Error.is(error)) throw new Error(`No M2Error, but ${String(error)}.`);
    expect([error.code, error.message]).toEqual([
      'M2_APP_IMPORT_FAILED',
      expect.stringMatching(
        /^The app fastify-broken\.mjs could not be made: its promise was rejected with Error: no database at .*fastify-broken\.mjs:\d/,
      ),
    ]);
  });
});

describe('loadApp: apps that call listen()', () => {
  it('runs the server that an app told to listen', async () => {
    const app = await load('listens.mjs');
    expect([app.kind, await answer(app)]).toEqual(['server', 'listens true 3000']);
    expect(app.told[0]).toBe('listens.mjs calls listen() for port 3000, which stays closed: its requests come through Mongrel2.');
  });

  it('runs a Fastify app that listens before its import is over', async () => {
    expect(await answer(await load('listens-fastify.mjs'))).toBe('fastify listens');
  });

  it('runs what is exported rather', async () => {
    const app = await load('listens-and-exports.mjs');
    expect([app.kind, await answer(app)]).toEqual(['node', 'exported']);
    expect(app.told[0]).toBe('listens-and-exports.mjs calls listen() for port 3000, which stays closed: what it exports is run.');
  });

  it('asks which of two', async () => {
    await expect(load('listens-twice.mjs')).rejects.toMatchObject({
      code: 'M2_APP_EXPORT_MISSING',
      message:
        'listens-twice.mjs exports no app, and its servers are told to listen on port 3000, /run/app.sock: export the one to run.',
    });
  });
});

describe('captureListen', () => {
  it('leaves listen() as it was, also when the work fails', async () => {
    const before = createServer().listen;
    await expect(captureListen(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const { result, servers } = await captureListen(async () => createServer().listen);
    expect([result === before, createServer().listen === before, servers]).toEqual([false, true, []]);
  });

  it('is to the app as if it listened, and had been closed', async () => {
    const server = createServer();
    const events: string[] = [];
    server.on('listening', () => events.push(`listening ${JSON.stringify(server.address())}`));
    server.on('close', () => events.push(`close ${server.listening} ${JSON.stringify(server.address())}`));
    await captureListen(async () => server.listen({ port: 81, host: '127.0.0.1' }));
    expect(events).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    expect(events).toEqual(['listening {"address":"127.0.0.1","port":81,"family":"IPv4"}', 'close false null']);
  });
});
