import { type Handler, type Logger, M2Error, silentLogger } from '@m2/core';
import type { FetchApp, FetchHandlerOptions } from '../app.js';
import { describeError, describeValue } from '../app-failure.js';
import { fetchHandler } from '../fetch-handler.js';
import { checkAppFile } from './app-file.js';
import { type AppKind, appKind, isClass } from './app-kind.js';
import { locateError } from './error-location.js';
import { type ImportModule, importApp } from './import-app.js';
import type { NodeApp } from './node-app.js';
import { nodeHandler } from './node-handler.js';
import { type CapturedServer, captureListen } from './node-listen.js';
import { pickApp } from './pick-app.js';
import { type AppSpecifier, parseSpecifier } from './specifier.js';

/** Settings of `loadApp`; those of `fetchHandler` are handed on, and to other kinds of apps as far as they concern them. Every field has a default. */
export interface LoadAppOptions extends FetchHandlerOptions {
  /** What the file is relative to. Default: the current folder. */
  readonly cwd?: string;
  /** The export is a function that makes the app. Default: only when it was named in the specifier and is called `create…` or `make…`. */
  readonly factory?: boolean;
  /** How modules are imported. Default: `import()`. */
  readonly importModule?: ImportModule;
}

/** An app, ready to be served. */
export interface LoadedApp {
  readonly kind: AppKind;
  /** For people: the specifier as it was given. */
  readonly name: string;
  /** The full path of its file. */
  readonly path: string;
  readonly handler: Handler;
}

const EXAMPLE = 'export default (request) => new Response("hello")';

/**
 * Loads the app that `file[:export]` names, and finds out what kind it is. The app is the export that was asked for; else
 * the module itself when it exports `fetch`; else the default export, which may be a promise; else the one server that the module told to listen, which opens no port. A factory is called only when
 * told: calling any other function would run an app without a request.
 * @throws M2Error `M2_APP_NOT_FOUND`, `M2_APP_EXPORT_MISSING`, `M2_APP_IMPORT_FAILED`, `M2_APP_TYPESCRIPT_UNSUPPORTED`,
 * `M2_APP_NOT_RECOGNISED`, `M2_MIDDLEWARE_UNSUPPORTED` for middleware around anything but a fetch app, and as `fetchHandler`.
 */
export async function loadApp(specifier: string, options: LoadAppOptions = {}): Promise<LoadedApp> {
  const { cwd = process.cwd(), factory, importModule = (url) => import(url), ...handlerOptions } = options;
  const parsed = parseSpecifier(specifier, cwd);
  checkAppFile(parsed, cwd);
  const { result: module, servers } = await captureListen(() => importApp(parsed, importModule));
  const picked = pickApp(module, parsed, servers);
  tellCaptured(servers, picked, parsed, handlerOptions.logger);
  const isFactory = factory ?? /^(?:create|make)(?![a-z])/.test(parsed.exportName ?? '');
  const app = isFactory ? await callFactory(picked, parsed) : await settle(picked, parsed, 'its promise was rejected with');
  const kind = appKind(app);
  if (kind === undefined) throw notRecognised(parsed, app, isFactory);
  if (kind !== 'fetch' && (handlerOptions.middleware ?? []).length > 0) throw noMiddleware(parsed, kind);
  const settings = { ...handlerOptions, name: options.name ?? specifier };
  const handler = kind === 'fetch' ? fetchHandler(app as FetchApp, settings) : nodeHandler(app as NodeApp, settings);
  if ('ready' in handler) await settle(handler.ready, parsed, 'it could not start, for');
  return { kind, name: specifier, path: parsed.path, handler };
}

/** Says what became of an app's own listen(). */
function tellCaptured(
  servers: readonly CapturedServer[],
  picked: unknown,
  { given }: AppSpecifier,
  logger: Logger = silentLogger,
): void {
  const isRun = servers.some(({ server }) => server === picked);
  const what = isRun ? 'its requests come through Mongrel2' : 'what it exports is run';
  for (const place of new Set(servers.map((one) => one.place))) {
    logger.info(`${given} calls listen() for ${place}, which stays closed: ${what}.`);
  }
}

async function callFactory(factory: unknown, specifier: AppSpecifier): Promise<unknown> {
  if (typeof factory !== 'function' || isClass(factory)) {
    throw unrecognised(
      specifier,
      `exports ${describeValue(factory)}, which is no factory: a factory is a function that returns the app`,
    );
  }
  return settle((async () => (factory as () => unknown)())(), specifier, 'its factory failed with');
}

async function settle(value: unknown, specifier: AppSpecifier, what: string): Promise<unknown> {
  try {
    return await value;
  } catch (error) {
    const where = locateError(error);
    const place = where === undefined ? '' : ` at ${where}`;
    throw new M2Error(
      'M2_APP_IMPORT_FAILED',
      `The app ${specifier.given} could not be made: ${what} ${describeError(error)}${place}.`,
      {
        cause: error,
        details: { path: specifier.path, where },
      },
    );
  }
}

const unrecognised = (specifier: AppSpecifier, what: string, details: Readonly<Record<string, unknown>> = {}): M2Error =>
  new M2Error('M2_APP_NOT_RECOGNISED', `${specifier.given} ${what}. For example: ${EXAMPLE}`, {
    details: { path: specifier.path, ...details },
  });

function notRecognised(specifier: AppSpecifier, app: unknown, made: boolean): M2Error {
  const got = isClass(app) ? 'a class (export an instance of it)' : describeValue(app);
  const verb = made ? 'is a factory that returned' : 'exports';
  return unrecognised(
    specifier,
    `${verb} ${got}. An app is a function (request) => Response or (req, res), an object with such a fetch method, an app of Express, Koa, ` +
      'Fastify and the like, or an http.Server',
  );
}

const DESCRIBED: Readonly<Record<Exclude<AppKind, 'fetch'>, string>> = {
  node: 'a function of two or more parameters, which is taken for a (req, res) listener',
  express: 'an app with a handle method, as Express, Connect and Polka make them',
  koa: 'a Koa app',
  fastify: 'a Fastify app',
  server: 'an http.Server',
};

/** Between the two there is a whole server: what a response is to fetch, (req, res) apps never make. */
const noMiddleware = ({ given, path }: AppSpecifier, kind: Exclude<AppKind, 'fetch'>): M2Error =>
  new M2Error(
    'M2_MIDDLEWARE_UNSUPPORTED',
    `Middleware (--middleware) goes around fetch apps, but ${given} exports ${DESCRIBED[kind]}. Leave it out, and use the app's own, such ` +
      'as the package compression for gzip with Express, or @fastify/compress with Fastify.',
    { details: { path, kind } },
  );
