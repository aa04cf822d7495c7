import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeMiddleware, type FetchInfo } from '@m2/gateway';
import { afterAll, describe, expect, it } from 'vitest';
import { serveFlags } from './flags.js';
import { loadMiddleware } from './load-middleware.js';
import { parseFlags } from './parse-flags.js';

const cwd = mkdtempSync(join(tmpdir(), 'm2-middleware-'));
afterAll(() => rmSync(cwd, { recursive: true }));

let count = 0;
/** A module of the user; its name. */
function module(source: string): string {
  const name = `./module-${++count}.mjs`;
  writeFileSync(join(cwd, name), source);
  return name;
}

const refusal = (text: string) =>
  expect.objectContaining({ code: 'M2_OPTION_INVALID', message: expect.stringContaining(text) as unknown });

const header = (name: string) =>
  `async (request, next) => { const response = await next(); response.headers.append('by', '${name}'); return response; }`;

/** What loaded middleware does with an app that answers with a page. */
async function ask(names: readonly string[], accept = 'gzip'): Promise<Response> {
  const app = composeMiddleware(
    await loadMiddleware(names, { cwd }),
    () => new Response('text '.repeat(1000), { headers: { 'content-type': 'text/plain' } }),
  );
  const request = new Request('http://h/', { headers: { 'accept-encoding': accept } });
  const info = {} as FetchInfo;
  return app(request, info, info);
}

describe('--middleware', () => {
  it('has gzip and buffer by their names', async () => {
    expect((await ask(['gzip'])).headers.get('content-encoding')).toBe('gzip');
    expect((await ask(['buffer'])).headers.get('content-length')).toBe('5000');
    expect((await ask([])).headers.get('content-length')).toBe(null);
  });

  it('takes a module of the user: its default, its export middleware, or one that is named; in order', async () => {
    const names = [
      module(`export default ${header('default')};`),
      module(`export const middleware = ${header('middleware')};`),
      `${module(`export const other = 1; export const mine = ${header('mine')};`)}:mine`,
    ];
    expect((await ask(names)).headers.get('by')).toBe('mine, middleware, default');
  });

  it('calls a function that makes one, or promises one', async () => {
    const made = module(`export default () => ${header('made')};`);
    const promised = module(`export default async (options = {}) => ${header('promised')};`);
    expect((await ask([made, promised])).headers.get('by')).toBe('promised, made');
  });

  it.each([
    ['export default 1;', 'exports a number'],
    ['export default { fetch() {} };', 'exports an object'],
    ['export const x = 1;', 'exports no default, middleware. It exports x'],
    [
      'export default (request) => new Response();',
      'has one parameter, so it was called to make the middleware, and returned an object',
    ],
    ['export default () => (request) => new Response();', 'returned a function of one parameter'],
    ['export default () => {};', 'returned undefined'],
    ['export default () => { throw new Error("no"); };', 'its function failed'],
    ['throw new Error("no");', 'the module could not be loaded'],
  ])('refuses %j and says what it is', async (source, text) => {
    await expect(loadMiddleware([module(source)], { cwd })).rejects.toEqual(refusal(text));
  });

  it('takes a path with blanks from a flag, and several names from the environment', async () => {
    writeFileSync(join(cwd, 'my middleware.mjs'), `export default ${header('spaced')};`);
    const fromFlag = parseFlags(serveFlags, ['--middleware=./my middleware.mjs', '--middleware=gzip'], {}).values.middleware;
    expect((await ask(fromFlag)).headers.get('by')).toBe('spaced');
    expect(parseFlags(serveFlags, [], { M2_MIDDLEWARE: 'buffer  gzip' }).values.middleware).toEqual(['buffer', 'gzip']);
  });

  it('suggests a name for one that is nearly right', async () => {
    await expect(loadMiddleware(['gzpi'], { cwd })).rejects.toEqual(refusal('Did you mean gzip?'));
    await expect(loadMiddleware(['./none.mjs'], { cwd })).rejects.toEqual(refusal('there is no file'));
  });
});
