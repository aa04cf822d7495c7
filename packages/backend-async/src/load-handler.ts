import { type Handler, type HandlerSource, M2Error } from '@m2/core';

/** A handler source that is a module. */
export type ModuleSource = Extract<HandlerSource, { module: URL }>;

/**
 * Imports a handler module and makes its handler: calls the export (`default` unless told) with the options; a promise
 * is waited for.
 * @throws M2Error `M2_HANDLER_INVALID` when the module cannot be imported, has no such export, or its export gives no
 * Handler. An M2Error that the module itself throws passes unchanged.
 */
export async function loadHandler(source: ModuleSource): Promise<Handler> {
  const { module, export: name = 'default', options } = source;
  const exports = await attempt(module, 'could not be imported', () => importModule(module));
  const make = exports[name];
  if (make === undefined) {
    const has = Object.keys(exports).join(', ') || 'none';
    throw invalid(module, `has no export '${name}' (its exports: ${has}). Export a function (options) => Handler by that name`);
  }
  if (typeof make !== 'function') {
    throw invalid(module, `exports as '${name}' ${describe(make)}. Export a function (options) => Handler instead`);
  }
  const handler: unknown = await attempt(module, `failed in its export '${name}'`, () => make(options));
  if (!isHandler(handler)) {
    throw invalid(
      module,
      `gave ${describe(handler)} where its export '${name}' should return a Handler: an object with a handle(message, client) method`,
    );
  }
  return handler;
}

async function importModule(module: URL): Promise<Readonly<Record<string, unknown>>> {
  return await import(/* @vite-ignore */ module.href);
}

async function attempt<T>(module: URL, failed: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (M2Error.is(cause)) throw cause;
    throw invalid(module, `${failed}: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

const isHandler = (value: unknown): value is Handler =>
  typeof value === 'object' && value !== null && typeof (value as Partial<Handler>).handle === 'function';

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  return isHandler(value) ? 'a ready Handler' : 'an object without a handle method';
}

const invalid = (module: URL, what: string, cause?: unknown): M2Error =>
  new M2Error('M2_HANDLER_INVALID', `The handler module ${module.href} ${what}.`, { cause, details: { module: module.href } });
