import type { Middleware } from '@m2/gateway';
import { callExport, invalid, type LoadIo, loadExport, type ModuleNames } from './load-backend.js';

const FLAG = '--middleware';

/** The middleware that has short names. It is loaded exactly like a module that the user names. */
const MIDDLEWARE: ModuleNames = {
  gzip: { module: '@m2/gateway/node', export: 'gzip' },
  buffer: { module: '@m2/gateway', export: 'buffer' },
};

/**
 * Loads what `--middleware` names, in order. An export of two or more parameters is the middleware; one of fewer makes it, and is
 * called without any.
 * @throws M2Error `M2_OPTION_INVALID` for a module that is not there, or whose export is no middleware.
 */
export const loadMiddleware = (names: readonly string[], io: LoadIo): Promise<Middleware[]> =>
  Promise.all(names.map((name) => loadOne(name, io)));

async function loadOne(name: string, io: LoadIo): Promise<Middleware> {
  const picked = await loadExport(FLAG, name, MIDDLEWARE, ['default', 'middleware'], io);
  if (typeof picked !== 'function') throw invalid(FLAG, name, `the module exports ${kindOf(picked)}. ${WANTED}`);
  if (picked.length >= 2) return picked as Middleware;
  const made = await callExport(FLAG, name, () => (picked as () => unknown)());
  if (typeof made === 'function' && made.length >= 2) return made as Middleware;
  throw invalid(
    FLAG,
    name,
    `its function has ${picked.length === 0 ? 'no parameter' : 'one parameter'}, so it was called to make the middleware, and returned ` +
      `${kindOf(made)}. ${WANTED}`,
  );
}

const WANTED =
  'Export a function (request, next) => Response, or one of no parameters that returns such a function; next() calls the app.';

const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value !== 'function') return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  return `a function of ${value.length === 0 ? 'no parameters' : 'one parameter'}`;
};
