import type { ServerResponse } from 'node:http';
import { hasToken } from '@m2/core';

/** What no app may write, because the connection is Mongrel2's and its framing Node's (RFC 9110 7.6.1). */
const DROPPED = new Set(['transfer-encoding', 'keep-alive', 'proxy-connection', 'te', 'upgrade']);
/** Headers that have to be looked at. */
const SPECIAL = new Set([...DROPPED, 'connection', 'content-length']);

/** A whole number of bytes (RFC 9110 8.6). */
const LENGTH = /^\d{1,15}$/;

/** What `_storeHeader` takes: the headers that were set, as `{ name: [Name, value] }`, or what `writeHead` was given. */
type Given = Record<string, unknown> | readonly unknown[] | null | undefined;
type Line = readonly [name: string, value: unknown];

interface Internals {
  _hasBody: boolean;
}

/**
 * The headers of a response with what would give it a second framing taken out: `Transfer-Encoding` (Node chunks where it
 * has to), a `Content-Length` that is no number, that differs from another one, or that the status does not allow, and
 * headers that belong to the connection. `Connection: close` stays, and closes. Returns what it was given when there is
 * nothing to change.
 */
export function normaliseHead(response: ServerResponse, given: unknown): unknown {
  const { statusCode } = response;
  const headers = given as Given;
  // The client would go on waiting for a final answer.
  if (statusCode < 200) response.shouldKeepAlive = false;
  const unusual = statusCode === 205 || statusCode < 200;
  if (!unusual && (headers === null || headers === undefined || !needsCare(statusCode, headers))) return given;
  return rebuilt(response, headers);
}

function needsCare(statusCode: number, headers: NonNullable<Given>): boolean {
  let lengths = statusCode === 204 ? 1 : 0;
  /** One plain length is what most responses have. */
  const isFine = (name: string, value: unknown): boolean => !isSpecial(name) || (isLength(name, value) && ++lengths === 1);
  if (!Array.isArray(headers)) {
    for (const name in headers) {
      const value = headers[name as never] as unknown;
      // Headers that were set are pairs of name and value.
      if (!isFine(name, Array.isArray(value) ? value[1] : value)) return true;
    }
    return false;
  }
  const pairs = Array.isArray(headers[0]);
  for (let at = 0; at < headers.length; at += pairs ? 1 : 2) {
    const [name, value] = pairs ? (headers[at] as Line) : [headers[at] as unknown, headers[at + 1] as unknown];
    if (typeof name === 'string' && !isFine(name, value)) return true;
  }
  return false;
}

const isLength = (name: string, value: unknown): boolean =>
  name.length === 14 &&
  (typeof value === 'number' ? Number.isSafeInteger(value) && value >= 0 : typeof value === 'string' && LENGTH.test(value));

/** Lengths first: they tell nearly all names apart without making another string. */
function isSpecial(name: string): boolean {
  switch (name.length) {
    case 2:
    case 7:
    case 10:
    case 14:
    case 16:
    case 17:
      return SPECIAL.has(name) || SPECIAL.has(name.toLowerCase());
    default:
      return false;
  }
}

function rebuilt(response: ServerResponse, headers: Given): Given {
  const set = headers !== null && headers !== undefined && !Array.isArray(headers) && isSetHeaders(response, headers);
  const lines = linesOf(headers, set);
  const length = lengthOf(response, lines);
  const listed = connectionNames(lines);
  const close = lines.some(([name, value]) => name.toLowerCase() === 'connection' && mentions(value, 'close'));
  const kept: Line[] = lines.filter(([name]) => {
    const lower = name.toLowerCase();
    return !SPECIAL.has(lower) && !listed.has(lower);
  });
  if (length !== undefined) kept.push(['Content-Length', length]);
  if (close) kept.push(['Connection', 'close']);
  if (!set) return kept;
  return replaceSet(headers as Record<string, unknown>, kept);
}

/**
 * Node tells headers that were set from those that `writeHead` was given by their being its own object; hence that
 * object is changed and no other is made.
 */
function replaceSet(headers: Record<string, unknown>, kept: readonly Line[]): Given {
  const names = new Set(kept.map(([name]) => name.toLowerCase()));
  for (const name of Object.keys(headers)) if (!names.has(name)) delete headers[name];
  for (const [name, value] of kept) headers[name.toLowerCase()] = [name, value];
  return headers;
}

/** `setHeader` was used: then these are all that there are, `writeHead`'s among them. */
function isSetHeaders(response: ServerResponse, headers: object): boolean {
  for (const name in headers) return response.hasHeader(name);
  return false;
}

function linesOf(headers: Given, set: boolean): Line[] {
  if (headers === null || headers === undefined) return [];
  if (!Array.isArray(headers)) {
    const entries = Object.entries(headers as Record<string, unknown>);
    return set ? entries.map(([, line]) => line as Line) : entries;
  }
  if (Array.isArray(headers[0])) return headers as unknown as Line[];
  const lines: Line[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push([String(headers[at]), headers[at + 1]]);
  return lines;
}

/** The one length that the head is to say; undefined for none. */
function lengthOf(response: ServerResponse, lines: readonly Line[]): string | undefined {
  const { statusCode } = response;
  if (statusCode === 205) {
    // No content, and said so, or the client would wait for it (RFC 9110 15.3.6).
    (response as unknown as Internals)._hasBody = false;
    return '0';
  }
  if (statusCode === 204 || statusCode < 200) return undefined;
  const values = lines.filter(([name]) => name.toLowerCase() === 'content-length').flatMap(([, value]) => value as unknown);
  const first = String(values[0]);
  return LENGTH.test(first) && values.every((value) => String(value) === first) ? first : undefined;
}

const mentions = (value: unknown, token: string): boolean =>
  (Array.isArray(value) ? value : [value]).some((one) => hasToken(String(one), token));

/** Headers that `Connection` names belong to the connection too. */
function connectionNames(lines: readonly Line[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [name, value] of lines) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const one of Array.isArray(value) ? value : [value]) {
      for (const token of String(one).toLowerCase().split(',')) names.add(token.trim());
    }
  }
  // Those have a meaning as tokens; the rest are names.
  names.delete('close');
  names.delete('keep-alive');
  return names;
}
