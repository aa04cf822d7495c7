import { M2Error } from '@m2/core';

/** Where an app failed: for the text of the error. */
export interface FailurePlace {
  /** How the app is called in log lines, such as `The app ./app.mjs`. */
  readonly app: string;
  readonly method: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
}

/**
 * The one error that a failing app becomes. The server logs and counts it and answers 500, or cuts off an answer that was
 * begun; the client is told nothing of it.
 */
export function appFailure(place: FailurePlace, what: string, todo: string, cause?: unknown): M2Error {
  const { app, method, path } = place;
  return new M2Error('M2_APP_FAILED', `${app} ${what} for ${method} ${path}. ${todo}`, { cause, details: { method, path } });
}

/** An app that threw, or whose promise was rejected. */
export const appThrew = (place: FailurePlace, cause: unknown): M2Error =>
  appFailure(
    place,
    `failed with "${describeError(cause)}"`,
    'Catch it in the app and return a Response for it; the client got 500.',
    cause,
  );

/** Name and message of what was thrown, on one line. */
export function describeError(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : describeValue(error);
  return text.replace(/\s+/g, ' ').slice(0, 200);
}

/** What kind of thing a value is, for people. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object') return `the ${typeof value} ${String(value)}`;
  if (Array.isArray(value)) return 'an array';
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `an object of class ${name}` : 'a plain object';
}
