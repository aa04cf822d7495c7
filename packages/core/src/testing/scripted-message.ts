import { utf8Bytes } from '#platform';
import { FLOW_WINDOW_BYTES } from '../limits.js';
import type { Field, HeaderProtocol, RequestFields } from '../wire/server-side.js';
import { encodeRequest } from '../wire/server-side.js';
import type { StreamPart } from './upload-stream.js';

/** What a scripted client sends. */
export interface ScriptedRequest {
  /** Default `GET`, or `POST` with a body. */
  readonly method?: string;
  /** Path and query, percent-encoded. Default `/`. */
  readonly path?: string;
  /** Default `HTTP/1.1`. */
  readonly version?: 'HTTP/1.0' | 'HTTP/1.1';
  /** Names in any case; the same name several times becomes a list. `host` is `localhost` unless given. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Sent with a Content-Length. A text is UTF-8. */
  readonly body?: string | Uint8Array;
  /** Sent chunked, one chunk each, instead of `body`. */
  readonly chunks?: readonly (string | Uint8Array)[];
}

/** Mongrel2 keeps five values of one header name; the sixth and later vanish (protocol 2.2). */
const MAX_VALUES = 5;
const EMPTY = new Uint8Array(0);

/** Bytes of a text or bytes. */
export const toBytes = (data: string | Uint8Array): Uint8Array => (typeof data === 'string' ? utf8Bytes(data) : data);

/** The client's headers as Mongrel2 hands them on: lower case, lists of at most five, `x-forwarded-for` its own. */
function clientHeaders(request: ScriptedRequest, length: number | undefined): Field[] {
  const table = new Map<string, string[]>([['x-forwarded-for', ['127.0.0.1']]]);
  for (const [name, value] of request.headers ?? []) {
    const key = name.toLowerCase();
    if (key === 'x-forwarded-for') continue;
    const values = table.get(key);
    if (values === undefined) table.set(key, [value]);
    else if (values.length < MAX_VALUES) values.push(value);
  }
  if (!table.has('host')) table.set('host', ['localhost']);
  if (request.chunks !== undefined) table.set('transfer-encoding', ['chunked']);
  else if (length !== undefined && !table.has('content-length')) table.set('content-length', [String(length)]);
  return [...table].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values] as const);
}

/** What {@link RequestWriter} needs to know of the connection. */
export interface WriterOptions {
  readonly server: string;
  readonly id: number;
  readonly protocol: HeaderProtocol;
  readonly pattern: string;
  readonly flowControl: boolean;
}

/** Writes the messages of one connection as Mongrel2 does (protocol 2, 7.3, 9, 10). */
export class RequestWriter {
  private first = true;
  private path = '/';
  private handshake: { readonly meta: Field[]; readonly headers: Field[] } | undefined;

  constructor(private readonly options: WriterOptions) {}

  /** A request; `part` is the first of a streamed body, else `body` is all there is. */
  request(request: ScriptedRequest, body: Uint8Array, part?: StreamPart): Uint8Array {
    const given = request.body !== undefined;
    const method = request.method ?? (given || request.chunks !== undefined ? 'POST' : 'GET');
    const headers = clientHeaders(request, given ? toBytes(request.body ?? EMPTY).length : undefined);
    return this.encode(this.http(request, method, part), headers, part?.bytes ?? body);
  }

  /** A later part of a streamed body: these keys and no others. */
  part(part: StreamPart): Uint8Array {
    return this.encode(uploadKeys(part), [], part.bytes);
  }

  /** A WebSocket handshake; the body is the ready answer to the key. */
  upgrade(request: ScriptedRequest, accept: string): Uint8Array {
    const headers = clientHeaders(request, undefined);
    const meta = this.http(request, 'WEBSOCKET_HANDSHAKE');
    this.handshake = { meta: meta.filter(([name]) => name !== 'DOWNLOAD_CREDITS' && name !== 'METHOD'), headers };
    return this.encode(meta, headers, toBytes(accept));
  }

  /** A WebSocket message or control frame. `flags` is its first byte. */
  frame(flags: number, payload: Uint8Array): Uint8Array {
    const { meta, headers } = this.handshake ?? { meta: [], headers: [] };
    const flagged: Field[] = [...meta, ['METHOD', 'WEBSOCKET'], ['FLAGS', `0x${flags.toString(16)}`]];
    return this.encode(flagged, headers, payload);
  }

  /** A message of a JSON or XML socket. */
  socket(method: 'JSON' | 'XML', route: string, body: Uint8Array): Uint8Array {
    this.path = route;
    const meta: Field[] = [
      ['METHOD', method],
      ['PATTERN', route],
      ['URL_SCHEME', 'http'],
      ['REMOTE_ADDR', '127.0.0.1'],
    ];
    return this.encode(meta, [['x-forwarded-for', '127.0.0.1']], body);
  }

  private http(request: ScriptedRequest, method: string, part?: StreamPart): Field[] {
    const uri = request.path ?? '/';
    const mark = uri.indexOf('?');
    this.path = mark < 0 ? uri : uri.slice(0, mark);
    const meta: Field[] = part === undefined ? [] : uploadKeys(part);
    if (this.options.flowControl && this.first) meta.push(['DOWNLOAD_CREDITS', String(FLOW_WINDOW_BYTES)]);
    this.first = false;
    if (mark >= 0) meta.push(['QUERY', uri.slice(mark + 1)]);
    meta.push(['METHOD', method], ['VERSION', request.version ?? 'HTTP/1.1'], ['URI', uri], ['PATTERN', this.options.pattern]);
    meta.push(['URL_SCHEME', 'http'], ['REMOTE_ADDR', '127.0.0.1']);
    return meta;
  }

  private encode(meta: readonly Field[], headers: readonly Field[], body: Uint8Array): Uint8Array {
    const { server, id, protocol } = this.options;
    const fields: RequestFields = { server, id, path: this.path, meta, headers, body };
    return encodeRequest(fields, protocol);
  }
}

function uploadKeys(part: StreamPart): Field[] {
  const keys: Field[] = [['UPLOAD_STREAM', String(part.offset)]];
  if (part.done) keys.push(['UPLOAD_STREAM_DONE', '1']);
  return keys;
}
