import { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpExchange, HttpFields, MessageBase } from '@m2/core';
import { isUploadHeader } from '../request-headers.js';
import type { RequestSocket } from './node-request-socket.js';

/** What requests and handshakes both have. */
export type RequestHead = Pick<MessageBase, 'header' | 'rawHeaders'> & Pick<HttpFields, 'version'>;

/** Node's own IncomingMessage, with the head of a request. Node joins repeated headers by its own rules, when they are read. */
export function makeRequest(head: RequestHead, method: string, url: string, socket: unknown): IncomingMessage {
  const request = new IncomingMessage(socket as Socket);
  request.method = method;
  request.url = url;
  request.httpVersionMajor = 1;
  if (head.version === 'HTTP/1.1') {
    request.httpVersion = '1.1';
    request.httpVersionMinor = 1;
  } else {
    request.httpVersion = '1.0';
    request.httpVersionMinor = 0;
  }
  const lines = headerLines(head);
  (request as unknown as Internals)._addHeaderLines(lines, lines.length);
  return request;
}

/** What Node's own parser does with a request, and no declaration tells. */
interface Internals {
  _addHeaderLines(lines: readonly string[], count: number): void;
}

/** Names and values by turns, as `rawHeaders` has them. */
function headerLines(head: RequestHead): string[] {
  const lines = head.rawHeaders();
  for (let at = 0; at < lines.length; at += 2) {
    const name = lines[at] as string;
    if (isHidden(name, head)) return lines.filter((_, index) => !isHidden(lines[index - (index % 2)] as string, head));
  }
  return lines;
}

/** What no app gets to see; nearly all names have neither an underscore nor Mongrel2's prefix. */
const isHidden = (name: string, head: RequestHead): boolean =>
  (name.charCodeAt(0) === X && isUploadHeader(name)) ||
  (name.includes('_') && head.header(name.replaceAll('_', '-')) !== undefined);

const X = 0x78;

/**
 * Gives the app a body that is in memory when it reads, and then the request's end. What Node's parser says right after the
 * request was announced, that it is complete, is said by whoever announces it.
 */
export function feedWhole(request: IncomingMessage, body: Uint8Array): void {
  (request as unknown as WholeBody)[BODY] = body;
  request._read = readWhole;
}

const BODY = Symbol('body');

interface WholeBody {
  [BODY]: Uint8Array | undefined;
}

function readWhole(this: IncomingMessage, size: number): void {
  IncomingMessage.prototype._read.call(this, size);
  const body = (this as unknown as WholeBody)[BODY];
  if (body === undefined) return;
  (this as unknown as WholeBody)[BODY] = undefined;
  if (body.length > 0) this.push(asBuffer(body));
  this.push(null);
}

/** Gives the app a body as it comes: nothing is asked for before the app reads, and no more than it has room for. */
export function feedStream(request: IncomingMessage, exchange: HttpExchange, socket: RequestSocket): void {
  const feed = new BodyFeed(request, exchange, socket);
  request._read = (size) => feed.read(size);
}

class BodyFeed {
  private reading = false;

  constructor(
    private readonly request: IncomingMessage,
    private readonly exchange: HttpExchange,
    private readonly socket: RequestSocket,
  ) {}

  read(size: number): void {
    IncomingMessage.prototype._read.call(this.request, size);
    if (this.reading) return;
    this.reading = true;
    this.exchange.body.read().then(
      (bytes) => this.got(bytes),
      (error: unknown) => this.failed(error as Error),
    );
  }

  private got(bytes: Uint8Array | undefined): void {
    this.reading = false;
    const { request, socket } = this;
    if (bytes === undefined) {
      this.end();
      return;
    }
    socket.received(bytes.length);
    request.push(asBuffer(bytes));
  }

  private end(): void {
    this.request.complete = true;
    this.request.push(null);
    this.socket.requestRead();
  }

  private failed(error: Error): void {
    const { exchange, socket } = this;
    // The answer is complete and what was left of the request was dropped: for the app it has ended.
    if (exchange.ended && exchange.aborted === undefined) return this.end();
    // A client that has gone is told by the socket.
    if (exchange.aborted === undefined) socket.destroy(error);
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
