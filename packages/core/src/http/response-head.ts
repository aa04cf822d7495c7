import { M2Error } from '../errors.js';
import { checkHeader, hasToken, isHopByHop, parseLength } from './header-rules.js';
import { isBodiless, reasonPhrase } from './status.js';

/** What decides how a response is framed. */
export interface Framing {
  readonly method: string;
  readonly version: 'HTTP/1.0' | 'HTTP/1.1';
  /** The client wants to go on with this connection, and nothing speaks against it. */
  readonly keepAlive: boolean;
}

/** A response's head, and what follows from it. */
export interface ResponseHead {
  /** Status line and headers up to the empty line, latin1. */
  readonly text: string;
  /** How the end of the body is told: by its length, by chunks, by closing; or there is no body. */
  readonly body: 'length' | 'chunked' | 'close' | 'none';
  /** Bytes that the body must have, when it goes by length. */
  readonly length: number;
  /** The connection stays open after it. */
  readonly keepAlive: boolean;
}

/** Header names and values, in order; several of one name are several lines. A `Headers` object is one. */
export type HeaderPairs = Iterable<readonly [string, string]>;

interface Scan {
  lines: string;
  length: number | undefined;
  close: boolean;
  date: boolean;
}

/**
 * Makes the head of a response with exactly one framing (RFC 9112 6). `bodyLength` is the body's bytes when they are all
 * there; undefined for a body that comes in pieces. Connection headers are m2's own, and `close` asked for in
 * `Connection` is honoured.
 * @throws M2Error `M2_BAD_HEADER` for a header or status that cannot be sent, `M2_BODY_LENGTH_MISMATCH` when Content-Length
 * is not the body's.
 */
export function makeHead(
  framing: Framing,
  status: number,
  headers: HeaderPairs,
  bodyLength: number | undefined,
  date: string,
  reason: string = reasonPhrase(status),
): ResponseHead {
  if (!Number.isInteger(status) || status < 200 || status > 999) {
    throw new M2Error('M2_BAD_HEADER', `${status} is not a final HTTP status: use a whole number from 200 to 599.`);
  }
  checkHeader('reason', reason);
  const scan = scanHeaders(headers);
  const head = framing.method === 'HEAD';
  const bodiless = isBodiless(status);
  let keepAlive = framing.keepAlive && !scan.close;
  let lines = scan.lines;
  let body: ResponseHead['body'] = 'none';
  let length = 0;

  if (bodiless) {
    // 304 may repeat the length that a 200 would have; 204 must not have one (RFC 9110 8.6).
    if (status === 304 && scan.length !== undefined) lines += `Content-Length: ${scan.length}\r\n`;
  } else if (status === 205) {
    lines += 'Content-Length: 0\r\n';
  } else {
    // An app that answers HEAD often gives no body; that says nothing about the length that GET would have (RFC 9110 9.3.2).
    const silent = head && bodyLength === 0 && scan.length === undefined;
    const known = scan.length ?? bodyLength;
    if (bodyLength !== undefined && known !== bodyLength && !(head && bodyLength === 0)) throw mismatch(scan.length, bodyLength);
    if (known !== undefined) {
      if (!silent) lines += `Content-Length: ${known}\r\n`;
      body = 'length';
      length = known;
    } else if (framing.version === 'HTTP/1.1') {
      lines += 'Transfer-Encoding: chunked\r\n';
      body = 'chunked';
    } else {
      body = 'close';
      keepAlive = keepAlive && head;
    }
    if (head) body = 'none';
  }
  if (!scan.date) lines += `Date: ${date}\r\n`;
  if (!keepAlive) lines += 'Connection: close\r\n';
  else if (framing.version === 'HTTP/1.0') lines += 'Connection: keep-alive\r\n';
  // A server answers in its own version, not in the request's (RFC 9110 2.5).
  return { text: `HTTP/1.1 ${status} ${reason}\r\n${lines}\r\n`, body, length, keepAlive };
}

/** The head of an interim response (1xx, but 101 which ends HTTP on the connection). */
export function makeInterimHead(status: number, headers: HeaderPairs): string {
  if (!Number.isInteger(status) || status < 102 || status > 199) {
    // 100 was already sent by Mongrel2 (protocol 6), 101 is a final answer.
    throw new M2Error('M2_BAD_HEADER', `${status} is not an interim status that can be sent: use 102 to 199, such as 103.`);
  }
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${scanHeaders(headers).lines}\r\n`;
}

/** The head that accepts a WebSocket handshake (RFC 6455 4.2.2). `accept` is the ready Sec-WebSocket-Accept value. */
export function makeSwitchingHead(accept: string, headers: HeaderPairs): string {
  checkHeader('Sec-WebSocket-Accept', accept);
  const fixed = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;
  return `HTTP/1.1 101 ${reasonPhrase(101)}\r\n${fixed}${scanHeaders(headers).lines}\r\n`;
}

function scanHeaders(headers: HeaderPairs): Scan {
  const scan: Scan = { lines: '', length: undefined, close: false, date: false };
  for (const [name, value] of headers) {
    checkHeader(name, value);
    const lower = name.toLowerCase();
    if (lower === 'content-length') {
      const length = parseLength(value);
      if (length === undefined || (scan.length !== undefined && scan.length !== length)) {
        throw new M2Error(
          'M2_BAD_HEADER',
          `The response's Content-Length ${JSON.stringify(value)} is not one whole number of bytes.`,
        );
      }
      scan.length = length;
      continue;
    }
    if (lower === 'connection' && hasToken(value, 'close')) scan.close = true;
    if (isHopByHop(lower)) continue;
    if (lower === 'date') scan.date = true;
    scan.lines += `${name}: ${value}\r\n`;
  }
  return scan;
}

function mismatch(declared: number | undefined, actual: number): M2Error {
  return new M2Error(
    'M2_BODY_LENGTH_MISMATCH',
    `The response says Content-Length ${declared}, but its body has ${actual} bytes. Leave the header out: it is set from the body.`,
    { details: { declared, actual } },
  );
}
