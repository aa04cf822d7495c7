import { M2Error } from '@m2/core';
import type { FetchApp, FetchFunction, FetchObject } from './app.js';
import { describeValue } from './app-failure.js';

/** Whether a value has a `fetch` method. */
export const isFetchObject = (value: unknown): value is FetchObject =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { fetch?: unknown }).fetch === 'function';

/**
 * The function to call for each request.
 * @throws M2Error `M2_OPTION_INVALID` for what is no fetch app.
 */
export function toFetchFunction(app: FetchApp): FetchFunction {
  if (isFetchObject(app)) return (request, info, context) => app.fetch(request, info, context);
  if (typeof app === 'function') return app;
  throw new M2Error(
    'M2_OPTION_INVALID',
    `fetchHandler() got ${describeValue(app)}. It takes a function (request) => Response, or an object with such a fetch method.`,
  );
}
