import { latin1Slice, utf8Slice } from '#platform';
import { MAX_INT32, parseDecimal } from './decimal.js';
import {
  DecodedCredits,
  DecodedDisconnect,
  DecodedFrame,
  DecodedHandshake,
  DecodedHttpRequest,
  DecodedSocketMessage,
  DecodedUnknownNotice,
  DecodedUploadPart,
  type HttpParts,
  type MessageParts,
} from './decoded-message.js';
import type { RawFields } from './header-block.js';
import type { M2Request, UploadState } from './message.js';
import { parseFlags } from './websocket-frame.js';

/** Says what is wrong with a message and where; caught by `decodeMessage`, never seen outside. Not an Error: it needs no stack. */
export class Malformed {
  /** Byte of the message. */
  readonly at: number;
  readonly expected: string;
  /** The name of the limit that was passed, if one was. */
  readonly limit: string | undefined;

  constructor(at: number, expected: string, limit?: string) {
    this.at = at;
    this.expected = expected;
    this.limit = limit;
  }
}

/** Longest body of a notice that is parsed; Mongrel2's own have 21 bytes. */
const MAX_NOTICE_BYTES = 4096;

function text(fields: RawFields, key: string, at: number): string | undefined {
  const value = fields[key];
  if (value === undefined || typeof value === 'string') return value;
  throw new Malformed(at, `${key} once`);
}

function decimal(fields: RawFields, key: string, max: number, at: number): number | undefined {
  const digits = text(fields, key, at);
  if (digits === undefined) return undefined;
  const value = parseDecimal(digits, max);
  if (value === undefined) throw new Malformed(at, `${key} as decimal digits, at most ${max}`);
  return value;
}

function noticeType(body: Uint8Array, at: number): string {
  if (body.length === 18 && latin1Slice(body, 0, 18) === '{"type":"credits"}') return 'credits';
  if (body.length > MAX_NOTICE_BYTES) throw new Malformed(at, `a notice of at most ${MAX_NOTICE_BYTES} bytes`, 'noticeBytes');
  try {
    const type = (JSON.parse(utf8Slice(body, 0, body.length)) as { readonly type?: unknown } | null)?.type;
    if (typeof type === 'string') return type;
  } catch {
    // Falls through to the one complaint below.
  }
  throw new Malformed(at, 'a notice: a JSON object with a "type"');
}

function notice(parts: MessageParts, at: number, bodyAt: number): M2Request {
  const type = noticeType(parts.body, bodyAt);
  if (type === 'disconnect') return new DecodedDisconnect(parts);
  if (type !== 'credits') return new DecodedUnknownNotice(parts, type);
  const credits = decimal(parts.fields, 'DOWNLOAD_CREDITS', MAX_INT32, at);
  if (credits === undefined) throw new Malformed(at, 'DOWNLOAD_CREDITS in a credits notice');
  return new DecodedCredits(parts, credits);
}

function uploadDone(fields: RawFields, at: number): boolean {
  const done = text(fields, 'UPLOAD_STREAM_DONE', at);
  if (done !== undefined && done !== '1') throw new Malformed(at, 'UPLOAD_STREAM_DONE as "1"');
  return done === '1';
}

function uploadPart(parts: MessageParts, at: number): M2Request {
  const offset = decimal(parts.fields, 'UPLOAD_STREAM', Number.MAX_SAFE_INTEGER, at);
  if (offset === undefined) throw new Malformed(at, 'METHOD or UPLOAD_STREAM among the headers');
  return new DecodedUploadPart(parts, offset, uploadDone(parts.fields, at));
}

function upload(fields: RawFields, at: number): UploadState | undefined {
  const offset = decimal(fields, 'UPLOAD_STREAM', Number.MAX_SAFE_INTEGER, at);
  if (offset !== undefined) return { type: 'stream', offset, done: uploadDone(fields, at) };
  const start = fields['x-mongrel2-upload-start'];
  return start === undefined ? undefined : { type: 'stored', start, done: fields['x-mongrel2-upload-done'] };
}

function httpParts(parts: MessageParts, method: string, at: number): HttpParts {
  const { fields, headerLines, server, id, path, body, size } = parts;
  const version = text(fields, 'VERSION', at);
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') throw new Malformed(at, 'VERSION HTTP/1.0 or HTTP/1.1');
  const scheme = text(fields, 'URL_SCHEME', at) ?? 'http';
  if (scheme !== 'http' && scheme !== 'https') throw new Malformed(at, 'URL_SCHEME http or https');
  return {
    server,
    id,
    path,
    fields,
    headerLines,
    body,
    size,
    method,
    version,
    scheme,
    uri: text(fields, 'URI', at) ?? path,
    query: text(fields, 'QUERY', at),
    pattern: text(fields, 'PATTERN', at) ?? '',
    remoteAddress: text(fields, 'REMOTE_ADDR', at) ?? '',
  };
}

function socketKind(method: string, path: string): 'json-socket' | 'xml-socket' | undefined {
  if (method === 'JSON' && path.charCodeAt(0) === 0x40) return 'json-socket';
  if (method === 'XML' && path.charCodeAt(0) === 0x3c) return 'xml-socket';
  return undefined;
}

function socketMessage(parts: MessageParts, kind: 'json-socket' | 'xml-socket', at: number): M2Request {
  return new DecodedSocketMessage(
    parts,
    kind,
    text(parts.fields, 'PATTERN', at) ?? '',
    text(parts.fields, 'REMOTE_ADDR', at) ?? '',
  );
}

function frame(http: HttpParts, flags: string, at: number): M2Request {
  const value = parseFlags(flags);
  if (value === undefined) throw new Malformed(at, 'FLAGS as 0x and two hexadecimal digits');
  return new DecodedFrame(http, value);
}

/**
 * Tells the kind of a message, in the order of protocol 3, and makes it. `at` and `bodyAt` are where its headers and
 * its body begin. Throws {@link Malformed}.
 */
export function classify(parts: MessageParts, at: number, bodyAt: number): M2Request {
  const { fields, path } = parts;
  const method = text(fields, 'METHOD', at);
  if (method === 'JSON' && path === '@*') return notice(parts, at, bodyAt);
  if (method === undefined) return uploadPart(parts, at);
  if (method === '') throw new Malformed(at, 'METHOD with a name');
  const socket = socketKind(method, path);
  if (socket !== undefined) return socketMessage(parts, socket, at);

  const http = httpParts(parts, method, at);
  const flags = text(fields, 'FLAGS', at);
  // A client may send WEBSOCKET as its HTTP method; FLAGS, being in capitals, only Mongrel2 can write.
  if (method === 'WEBSOCKET' && flags !== undefined) return frame(http, flags, at);
  const credits = decimal(fields, 'DOWNLOAD_CREDITS', MAX_INT32, at);
  if (method === 'WEBSOCKET_HANDSHAKE') {
    return new DecodedHandshake(http, latin1Slice(parts.body, 0, parts.body.length), credits);
  }
  return new DecodedHttpRequest(http, upload(fields, at), credits);
}
