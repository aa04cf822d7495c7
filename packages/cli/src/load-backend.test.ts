import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBackend, loadTransport } from './load-backend.js';
import { isFilePath, parseModuleSpecifier, resolveModule } from './module-specifier.js';

const capabilities = `{ inProcess: true, modules: false, reload: false }`;
const backend = (name: string) => `{ name: '${name}', capabilities: ${capabilities}, serve() {} }`;
const transport = `{ name: 'mine', capabilities: { protocols: ['tcp'], detectsDown: true, losslessShutdown: false }, open() {} }`;

/** Files of the folder in which the command runs. */
const files: Readonly<Record<string, string>> = {
  'object.mjs': `export default ${backend('object')};`,
  'factory.mjs': `export default async ({ transport }) => ({ ...${backend('factory')}, transport });`,
  'named.mjs': `export const other = 1; export const mine = () => (${backend('named')});`,
  'backend.mjs': `export const backend = ${backend('by-name')};`,
  'transport.mjs': `export const transport = () => (${transport});`,
  'half.mjs': `export default { name: 'half', capabilities: { inProcess: true, modules: 1 } };`,
  'half-transport.mjs': `export default { capabilities: { protocols: 'tcp' }, open: 5 };`,
  'number.mjs': 'export default 5;',
  'empty.mjs': 'export const api = 1;',
  'throws.mjs': `throw new Error('at import');`,
  'bad-factory.mjs': `export default () => { throw new Error('in factory'); };`,
  'node_modules/cjs-pool/index.js': `module.exports = ${backend('cjs')};`,
  'node_modules/esm-pool/package.json': `{ "name": "esm-pool", "exports": { ".": { "import": "./main.mjs" }, "./sub": { "node": { "import": "./sub.mjs" } } } }`,
  'node_modules/esm-pool/main.mjs': `export default ${backend('esm')};`,
  'node_modules/esm-pool/sub.mjs': `export default ${backend('esm-sub')};`,
};

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'm2-load-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(cwd, name, '..'), { recursive: true });
    await writeFile(join(cwd, name), text);
  }
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

const refusal = (message: string) =>
  expect.objectContaining({ code: 'M2_OPTION_INVALID', message: expect.stringContaining(message) });
const ours = { name: 'given', capabilities: { protocols: [], detectsDown: true, losslessShutdown: true }, open() {} };

/** Loads with a transport that needs no package. */
const load = (io: string) =>
  loadBackend(io, 'auto', {
    cwd,
    importModule: async (url) => {
      if (url === '@m2/transport-zmtp') return { zmtpTransport: () => ours };
      if (url === '@m2/backend-async')
        return {
          asyncBackend: (options: object) => ({
            name: 'async',
            capabilities: { inProcess: true, modules: true, reload: false },
            serve() {},
            ...options,
          }),
        };
      return (await import(/* @vite-ignore */ url)) as object;
    },
  });

describe('loadBackend', () => {
  it.each([
    ['./object.mjs', 'object'],
    ['object.mjs', 'object'],
    ['./factory.mjs', 'factory'],
    ['./named.mjs:mine', 'named'],
    ['./backend.mjs', 'by-name'],
    ['cjs-pool', 'cjs'],
    ['esm-pool', 'esm'],
    ['esm-pool/sub', 'esm-sub'],
    ['async', 'async'],
  ])('loads %s', async (name, expected) => {
    const loaded = await load(name);
    expect(loaded.backend.name).toBe(expected);
    expect(loaded.transport).toBe(ours);
  });

  it('gives a factory the transport, ours and a stranger alike', async () => {
    for (const name of ['async', './factory.mjs']) expect((await load(name)).backend).toMatchObject({ transport: ours });
  });

  it('runs a module that exports a Transport by the async backend', async () => {
    const { backend, transport } = await load('./transport.mjs');
    expect(transport.name).toBe('mine');
    expect(backend).toMatchObject({ name: 'async', transport });
  });

  it.each([
    ['./none.mjs', '--io=./none.mjs: there is no file "./none.mjs" in'],
    ['asinc', 'there is neither a name nor an installed module "asinc". Names: async, threads. Did you mean async?'],
    ['./empty.mjs', 'the module exports no default, backend, transport. It exports api: name one with ./empty.mjs:NAME.'],
    ['./empty.mjs:other', 'the module exports no other. It exports api'],
    [
      './number.mjs',
      'the module gave number, but for a Backend it misses name (a string), capabilities.inProcess (true or false)',
    ],
    ['./half.mjs', 'for a Backend it misses capabilities.modules (true or false), capabilities.reload (true or false), serve('],
    ['./half.mjs', 'for a Transport it misses capabilities.protocols (a list of strings)'],
    ['./throws.mjs', 'the module could not be loaded.'],
    ['./bad-factory.mjs', 'its function failed.'],
  ])('refuses %s: %s', async (name, message) => {
    await expect(load(name)).rejects.toEqual(refusal(message));
  });

  it('keeps the cause of a module that fails', async () => {
    await expect(load('./throws.mjs')).rejects.toMatchObject({ cause: { message: 'at import' } });
    await expect(load('./bad-factory.mjs')).rejects.toMatchObject({ cause: { message: 'in factory' } });
  });

  it('says which package to install for a name of ours that is not there', async () => {
    const missing = Object.assign(new Error("Cannot find package '@m2/backend-threads' imported from m2"), {
      code: 'ERR_MODULE_NOT_FOUND',
    });
    const io = {
      cwd,
      importModule: (url: string) =>
        url === '@m2/transport-zmtp' ? Promise.resolve({ zmtpTransport: ours }) : Promise.reject(missing),
    };
    await expect(loadBackend('threads', 'auto', io)).rejects.toEqual(
      refusal('--io=threads: it needs the package @m2/backend-threads'),
    );
  });
});

describe('loadTransport', () => {
  it.each([
    ['auto', 'zmtp'],
    ['zmtp', 'zmtp'],
    ['zeromq', 'zeromq'],
  ])('loads the transport %s, which is %s, from the package itself', async (name, expected) => {
    expect((await loadTransport(name, { cwd })).name).toBe(expected);
  });

  it('refuses what is none, with what is missing', async () => {
    await expect(loadTransport('./half-transport.mjs', { cwd })).rejects.toEqual(
      refusal(
        '--transport=./half-transport.mjs: the module gave an object, but for a Transport it misses name (a string), ' +
          'capabilities.protocols (a list of strings), capabilities.detectsDown (true or false), capabilities.losslessShutdown (true or ' +
          'false), open(spec, receiver, signal) (a function).',
      ),
    );
  });
});

describe('module specifiers', () => {
  it('split at an export, but not at a drive or a scheme', () => {
    expect(parseModuleSpecifier('./a.mjs:pool')).toEqual({ module: './a.mjs', export: 'pool' });
    expect(parseModuleSpecifier('@me/pool')).toEqual({ module: '@me/pool' });
    expect(parseModuleSpecifier('C:\\pool.mjs')).toEqual({ module: 'C:\\pool.mjs' });
    expect(parseModuleSpecifier('file:///srv/pool.mjs')).toEqual({ module: 'file:///srv/pool.mjs' });
  });

  it('are files when they begin like one', () => {
    for (const name of ['./a', '../a', '/a', 'C:\\a', 'file:///a', '.']) expect([name, isFilePath(name)]).toEqual([name, true]);
    for (const name of ['a', '@a/b', 'a.mjs', '.a']) expect([name, isFilePath(name)]).toEqual([name, false]);
  });

  it('resolve to nothing when nothing is there', () => {
    expect(resolveModule('no-such-package', cwd)).toBeUndefined();
    expect(resolveModule('esm-pool/private', cwd)).toBeUndefined();
    expect(resolveModule('./object', cwd)).toBeUndefined();
  });
});
