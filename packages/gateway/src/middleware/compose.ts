import { M2Error } from '@m2/core';
import type { FetchApp, FetchFunction } from '../app.js';
import { describeValue } from '../app-failure.js';
import type { FetchInfo } from '../fetch-info.js';
import { isResponse } from '../response-check.js';
import { toFetchFunction } from '../to-fetch-function.js';
import type { Middleware } from './middleware.js';

/**
 * One fetch function of an app and the middleware around it, the first of the list outermost. Without middleware it is the app's own.
 * @throws M2Error `M2_OPTION_INVALID` for what is no app, or no function in the list.
 */
export function composeMiddleware(list: readonly Middleware[], app: FetchApp): FetchFunction {
  const inner = toFetchFunction(app);
  for (const [index, middleware] of list.entries()) {
    if (typeof middleware === 'function') continue;
    throw new M2Error(
      'M2_OPTION_INVALID',
      `The middleware at place ${index} is ${describeValue(middleware)}; it must be a function (request, next, info) => Response.`,
    );
  }
  if (list.length === 0) return inner;
  const layers = [...list];
  return (request, info) => run(layers, 0, inner, request, info);
}

async function run(
  layers: readonly Middleware[],
  at: number,
  inner: FetchFunction,
  request: Request,
  info: FetchInfo,
): Promise<Response> {
  const middleware = layers[at];
  if (middleware === undefined) return mustBeResponse(await inner(request, info, info), 'the app');
  const next = (changed: Request = request): Promise<Response> => run(layers, at + 1, inner, changed, info);
  return mustBeResponse(await middleware(request, next, info), `the middleware ${middleware.name || `at place ${at}`}`);
}

/** Said where it happened: one layer further out it would be that layer's mistake. */
function mustBeResponse(value: unknown, who: string): Response {
  if (isResponse(value)) return value;
  const hint = value === undefined ? ' Is a "return" missing?' : '';
  throw new TypeError(`${who} returned ${describeValue(value)} instead of a Response.${hint}`);
}
