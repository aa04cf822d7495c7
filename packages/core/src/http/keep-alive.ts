import type { OpeningRequest } from '../connection/client.js';
import type { HeaderValue } from '../wire/message.js';
import { hasToken } from './header-rules.js';

/** Whether the client wants to go on with its connection (RFC 9112 9.3): 1.1 goes on unless told otherwise, 1.0 closes unless told otherwise. */
export function wantsKeepAlive(request: OpeningRequest): boolean {
  const value = request.header('connection');
  if (value === undefined) return request.version === 'HTTP/1.1';
  if (anyHas(value, 'close')) return false;
  return request.version === 'HTTP/1.1' || anyHas(value, 'keep-alive');
}

const anyHas = (value: HeaderValue, token: string): boolean =>
  typeof value === 'string' ? hasToken(value, token) : value.some((one) => hasToken(one, token));
