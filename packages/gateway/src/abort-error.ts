import type { M2Error } from '@m2/core';

/**
 * What the web platform aborts with, so that apps know it by its name: a `TimeoutError` when the request timeout was
 * over, else an `AbortError`. Its `cause` is m2's own error.
 */
export function toAbortError(cause: M2Error): DOMException {
  const error = new DOMException(cause.message, cause.code === 'M2_TIMED_OUT' ? 'TimeoutError' : 'AbortError');
  Object.defineProperty(error, 'cause', { value: cause });
  return error;
}
