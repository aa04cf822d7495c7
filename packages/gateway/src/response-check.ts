import { describeValue } from './app-failure.js';
import { markReturned } from './known-body.js';
import { isFetchObject } from './to-fetch-function.js';

const AGAIN = 'Make a new Response for each request, or return response.clone().';

/** What is wrong with what an app returned, and what to do about it; undefined for a Response that can be sent. */
export function checkResponse(value: unknown): readonly [what: string, todo: string] | undefined {
  if (!isResponse(value)) {
    const hint =
      value === undefined
        ? ' Is a "return" missing?'
        : isApp(value)
          ? ' If it is a factory, export the app that it returns.'
          : '';
    return [
      `returned ${describeValue(value)}`,
      `Return a Response, or a promise of one, on every path.${hint} The client got 500.`,
    ];
  }
  if (value.type === 'error')
    return ['returned Response.error()', 'It has no status: return a Response with one, such as 502. The client got 500.'];
  if (value.status < 200) {
    return [
      `returned a Response with status ${value.status}`,
      'A final status is from 200 to 599; connections are upgraded by WebSocket hooks. The client got 500.',
    ];
  }
  if (value.bodyUsed || value.body?.locked === true)
    return ['returned a Response whose body was read, or is being read,', `${AGAIN} The client got 500.`];
  if (!markReturned(value)) return ['returned the same Response twice', `${AGAIN} The client got 500.`];
  return undefined;
}

/** A factory that was taken for an app answers with one. */
const isApp = (value: unknown): boolean => typeof value === 'function' || isFetchObject(value);

/** Responses of other realms and of polyfills are as good. */
export function isResponse(value: unknown): value is Response {
  if (value instanceof Response) return true;
  if (typeof value !== 'object' || value === null) return false;
  const { status, headers, body } = value as Partial<Record<keyof Response, unknown>>;
  return (
    Object.prototype.toString.call(value) === '[object Response]' &&
    typeof status === 'number' &&
    typeof (headers as Headers | undefined)?.[Symbol.iterator] === 'function' &&
    (body === null || typeof (body as ReadableStream | undefined)?.getReader === 'function')
  );
}
