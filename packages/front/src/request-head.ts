import type { Field } from '@m2/core';
import { HeaderTable } from './header-table.js';

/** What `node:http` says of a request; a part of its IncomingMessage. */
export interface ParsedHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly httpVersion: string;
  /** Names and values in turn, as they came; latin1. */
  readonly rawHeaders: readonly string[];
}

/** A request's head as Mongrel2 reads it. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly uri: string;
  readonly query: string | undefined;
  readonly fragment: string | undefined;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
  /** The client's headers, and the keys that Mongrel2 keeps among them. */
  readonly table: HeaderTable;
}

/** What Mongrel2 answers 400 to and node:http may let through (protocol 2.3, and measured with 1.12.2 for each character). */
const BAD_TARGET = /["<>[\]\\^`{|}]|[^!-~]|%(?![0-9A-Fa-f]{2})|#.*#/;

/** Reads a head; undefined when Mongrel2 would answer it with 400. */
export function readHead(parsed: ParsedHead, remoteAddress: string): RequestHead | undefined {
  const { method, url, httpVersion, rawHeaders } = parsed;
  if (method === undefined || url === undefined || BAD_TARGET.test(url)) return undefined;
  if (httpVersion !== '1.0' && httpVersion !== '1.1') return undefined;
  const table = new HeaderTable();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    table.add((rawHeaders[at] as string).toLowerCase(), rawHeaders[at + 1] as string);
  }
  // no_clobber_xff is 0, its default: what the client says of itself is overwritten.
  table.set('x-forwarded-for', remoteAddress);
  return { method, version: `HTTP/${httpVersion}`, table, ...splitTarget(url) };
}

function splitTarget(url: string): Pick<RequestHead, 'path' | 'uri' | 'query' | 'fragment'> {
  // Of an absolute target Mongrel2 takes what follows the scheme as path: "//host/path".
  const local = url.replace(/^[A-Za-z][A-Za-z0-9+.-]*:(?=\/\/)/, '');
  const hash = local.indexOf('#');
  const uri = hash < 0 ? local : local.slice(0, hash);
  const question = uri.indexOf('?');
  return {
    uri,
    fragment: hash < 0 ? undefined : local.slice(hash + 1),
    path: question < 0 ? uri : uri.slice(0, question),
    query: question < 0 ? undefined : uri.slice(question + 1),
  };
}

/** Mongrel2's own keys for a message of this request; `method` is WEBSOCKET and the like, or the request's. */
export function metaFields(head: RequestHead, method: string, pattern: string, remoteAddress: string): Field[] {
  const meta: Field[] = [
    ['METHOD', method],
    ['VERSION', head.version],
    ['URI', head.uri],
    ['PATTERN', pattern],
    ['URL_SCHEME', 'http'],
    ['REMOTE_ADDR', remoteAddress],
  ];
  if (head.query !== undefined) meta.push(['QUERY', head.query]);
  if (head.fragment !== undefined) meta.push(['FRAGMENT', head.fragment]);
  return meta;
}

/** How the body of a request is framed. */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' };

/** The framing that node:http found; it refuses what is ambiguous. */
export function bodyFraming(head: RequestHead): BodyFraming {
  if (head.table.get('transfer-encoding') !== undefined) return { kind: 'chunked' };
  const length = Number(head.table.get('content-length') ?? 0);
  return length > 0 ? { kind: 'length', length } : { kind: 'none' };
}

/** True for what Mongrel2 takes for a WebSocket handshake; it looks at neither method nor version (protocol 9). */
export function isHandshake({ table }: RequestHead): boolean {
  const has = (name: string) => table.get(name) !== undefined;
  return (
    has('sec-websocket-key') &&
    has('sec-websocket-version') &&
    has('host') &&
    table.get('upgrade') === 'websocket' &&
    (table.get('connection') ?? '').toLowerCase().includes('upgrade')
  );
}
