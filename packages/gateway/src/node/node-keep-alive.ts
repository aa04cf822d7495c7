import { type HeaderValue, type HttpRequest, hasToken } from '@m2/core';

/** Whether the client wants to go on with its connection (RFC 9112 9.3). */
export function wantsKeepAlive(message: HttpRequest): boolean {
  const value = message.header('connection');
  if (value === undefined) return message.version === 'HTTP/1.1';
  if (has(value, 'close')) return false;
  return message.version === 'HTTP/1.1' || has(value, 'keep-alive');
}

const has = (value: HeaderValue, token: string): boolean =>
  typeof value === 'string' ? hasToken(value, token) : value.some((one) => hasToken(one, token));
