import type { HttpExchange, HttpRequest } from '@m2/core';
import { badRequest, type Refusal, refusal } from './refusal.js';
import { checkLimits, type ResolvedRequestLimits } from './request-limits.js';

/** Methods that most requests have; a look-up instead of a regular expression. */
const USUAL = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** Methods that the Fetch standard forbids a Request to have. */
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK']);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DIGITS = /^\d+$/;

/** Why a fetch app cannot be given this request; undefined for one that it can. */
export function checkRequest(message: HttpRequest, exchange: HttpExchange, limits: ResolvedRequestLimits): Refusal | undefined {
  const { method } = message;
  if (!USUAL.has(method) && (FORBIDDEN.has(method.toUpperCase()) || !TOKEN.test(method))) return refusal(501);
  return checkLimits(message, limits) ?? checkBody(message, exchange);
}

/** Why a request's body cannot be given to any app. */
export function checkBody(message: HttpRequest, exchange: HttpExchange): Refusal | undefined {
  if (exchange.bodyUnavailable) return refusal(413, true);
  const length = message.header('content-length');
  const encoding = message.header('transfer-encoding');
  if (length === undefined && encoding === undefined) return undefined;
  const reason = checkFraming(exchange, length, encoding);
  return reason === undefined ? undefined : badRequest(reason);
}

type Value = ReturnType<HttpRequest['header']>;

/**
 * What Mongrel2 and a proxy before it could understand differently, so that one request may hide another (RFC 9112 6.3 and
 * 11.2): Mongrel2 takes the first of two lengths, reads `5abc` as 5, and prefers Content-Length to chunks (protocol 6).
 */
function checkFraming(exchange: HttpExchange, length: Value, encoding: Value): string | undefined {
  if (encoding !== undefined) {
    if (length !== undefined) return 'there are both Content-Length and Transfer-Encoding';
    // Mongrel2 takes any other spelling for a request without a body.
    return encoding === 'chunked' ? undefined : 'Transfer-Encoding is not chunked';
  }
  if (length === undefined) return undefined;
  const lengths = typeof length === 'string' ? [length] : length;
  const first = lengths[0];
  if (first === undefined || lengths.some((one) => !DIGITS.test(one))) return 'Content-Length is not a number';
  if (lengths.some((one) => one !== first)) return 'there are several Content-Length headers that differ';
  // A whole body has the length that Mongrel2 read; of numbers beyond its range it makes 0.
  const { whole } = exchange.body;
  return whole !== undefined && whole.length !== Number(first) ? 'Content-Length is not the length of the body' : undefined;
}
