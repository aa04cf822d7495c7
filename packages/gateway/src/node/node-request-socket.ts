import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpExchange, HttpRequest } from '@m2/core';
import { encodeChunk, joinChunks } from './node-bytes.js';
import { forwardDrain } from './node-drain.js';
import { ClientSocket, type SocketHost, type StreamCallback } from './node-socket.js';

/** What Node keeps on a response without documenting it, and every framework relies on. */
interface ResponseInternals {
  /** The connection is to be closed after this response: Node said so in its head. */
  _last: boolean;
  /** The head as text, once it was made. */
  _header: string | null;
  _closed: boolean;
}

/** A response, its undocumented parts included. */
export type AppResponse = ServerResponse & ResponseInternals;

const NOTHING = '';
const LAST_CHUNK = '0\r\n\r\n';
const EVENT_STREAM = /^content-type: *text\/event-stream/im;

/**
 * The connection as one request and its response see it: one per request, which `ServerResponse` writes framed bytes to.
 * Destroying it closes the client's connection unless the response was complete.
 */
export class RequestSocket extends ClientSocket {
  /** The response that writes here; set by `assignSocket`. @internal */
  _httpMessage: AppResponse | null = null;

  readonly #exchange: HttpExchange;
  #request: IncomingMessage | undefined;
  /** The response's last bytes are being made. */
  #ending = false;
  #direct = false;
  #held: string | Uint8Array = NOTHING;
  /** The client does not take what was sent as fast as it is made. */
  #waiting = false;
  #forwardsDrain = false;
  /** The response is complete, but the app still reads the request: whether the connection goes on once it has. */
  #thenKeepAlive: boolean | undefined;

  constructor(exchange: HttpExchange, message: HttpRequest, host: SocketHost) {
    super(message, host);
    this.#exchange = exchange;
    exchange.onAbort(() => this.clientGone());
  }

  /** The request that it is of. @internal */
  attach(request: IncomingMessage): void {
    this.#request = request;
  }

  override timedOut(): void {
    const request = this.#request;
    // As Node's server does: requests, responses and the server hear of it, and a connection of which nobody does is ended.
    const byRequest = request?.complete === false && request.emit('timeout', this);
    const byResponse = this._httpMessage?.emit('timeout', this) === true;
    const byServer = this.server.emit('timeout', this);
    if (!byRequest && !byResponse && !byServer) this.destroy();
    super.timedOut();
  }

  // --- the response ---------------------------------------------------------------------------------------------------

  /** What is written now goes out in one message with what says that the response is complete. @internal */
  beginEnd(): void {
    this.#ending = true;
    this.#direct = this.writableLength === 0 && this.writable;
  }

  /** Writes of a response that ends with nothing else waiting need not go through the stream's queue. */
  override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    if (!this.#direct) return super.write(chunk, encoding as BufferEncoding, callback as StreamCallback);
    this.#hold(encodeChunk(chunk as string | Uint8Array, encoding as BufferEncoding));
    if (typeof callback === 'function') process.nextTick(callback as StreamCallback);
    return true;
  }

  /** The response that is being made is complete, and what is unread of the request ends the connection. @internal */
  get isLast(): boolean {
    return this.#ending && this.#exchange.mustClose && !this.#isRead();
  }

  /** @internal */
  finishEnd(response: AppResponse): void {
    this.#direct = false;
    this.#ending = false;
    const held = this.#held;
    this.#held = NOTHING;
    if (this.#exchange.ended) return;
    if (response.finished && this.writableLength === 0) this.#complete(response, held);
    else if (held !== NOTHING) this.#exchange.sendFramed(held);
  }

  /** Everything of the response was handed over. @internal */
  complete(response: AppResponse): void {
    this.#complete(response, NOTHING);
    this.host.streams.delete(this);
    this.clearTimer();
  }

  #complete(response: AppResponse, last: string | Uint8Array): void {
    const exchange = this.#exchange;
    if (exchange.ended || this.#thenKeepAlive !== undefined) return;
    const keepAlive = !response._last;
    if (!this.#isRead()) return exchange.endFramed(keepAlive, last);
    // An answer that is complete ends the reading of the request too; this app is not through with it.
    exchange.sendFramed(last);
    this.#thenKeepAlive = keepAlive;
  }

  /** The app is reading a body that is still coming. */
  #isRead(): boolean {
    const request = this.#request;
    if (request === undefined || request.complete || request.destroyed || this.#exchange.body.whole !== undefined) return false;
    return request.listenerCount('data') > 0 || request.listenerCount('readable') > 0;
  }

  /** The request's body has ended. @internal */
  requestRead(): void {
    if (this.#thenKeepAlive !== undefined && !this.#exchange.ended) this.#exchange.endFramed(this.#thenKeepAlive);
  }

  /** The response is over, and with it this socket once the request is: for those that listen for its end. @internal */
  responseClosed(): void {
    // One listener is the response's own.
    if (this.destroyed || this.listenerCount('close') <= 1) return;
    const request = this.#request;
    const isRead = this.#exchange.ended ? request?.readableFlowing === true : true;
    if (request === undefined || request.closed || !isRead) this.destroy();
    else request.once('close', () => this.destroy());
  }

  /** Sends an interim response. Dropped for HTTP/1.0, and once the client is gone. @internal */
  inform(status: number, headers: readonly (readonly [string, string])[]): void {
    if (!this.#exchange.headSent) this.#exchange.inform(status, headers);
  }

  /** The body is not of the length that the head says. @internal */
  misframed(error: Error): void {
    this.host.misframed(this.message, error, this.#exchange.headSent);
    this.fail();
  }

  /** The response cannot be completed: the client gets 500 when nothing of it was sent, else it is cut short. @internal */
  fail(): void {
    this.#exchange.fail();
    this.destroy();
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, callback: StreamCallback): void {
    this.#send(encodeChunk(chunk, encoding), callback);
  }

  override _writev(chunks: { chunk: string | Buffer; encoding: BufferEncoding }[], callback: StreamCallback): void {
    this.#send(joinChunks(chunks), callback);
  }

  #send(bytes: string | Uint8Array, callback: StreamCallback): void {
    const exchange = this.#exchange;
    if (this.bytesWritten === 0 && !this.#ending && this._httpMessage !== null) {
      if (EVENT_STREAM.test(this._httpMessage._header ?? NOTHING)) this.host.streams.add(this, true);
    }
    if (this.#ending) {
      this.#hold(bytes);
      return callback();
    }
    this.sending(bytes.length);
    if (this.writableNeedDrain && !this.#forwardsDrain) {
      this.#forwardsDrain = true;
      this.on('drain', forwardDrain);
    }
    // Nobody takes it any more, and being told to go on would let an app that writes until it is told to wait write for ever.
    if (exchange.aborted !== undefined) return;
    // What is written past the end of a response goes nowhere, as with a socket that is closed.
    if (exchange.ended || this.#thenKeepAlive !== undefined || exchange.sendFramed(bytes) || exchange.ended) return callback();
    this.#waiting = true;
    void exchange.drained().then(() => {
      this.#waiting = false;
      if (exchange.aborted === undefined) callback();
    });
  }

  #hold(bytes: string | Uint8Array): void {
    this.sending(bytes.length);
    const held = this.#held;
    if (held === NOTHING) this.#held = bytes;
    else if (typeof held === 'string' && typeof bytes === 'string') this.#held = held + bytes;
    else if (bytes.length > 0) this.#held = joinChunks([chunkOf(held), chunkOf(bytes)]);
  }

  /** The app ended the socket by itself: what it wrote was all. */
  override _final(callback: StreamCallback): void {
    if (!this.#exchange.ended) this.#exchange.endFramed(false, NOTHING, this._httpMessage?.headersSent === true);
    callback();
  }

  // --- its end --------------------------------------------------------------------------------------------------------

  /** The server stops, and this stream of events with it: it ends well, so that its client connects again at once. @internal */
  finish(): void {
    if (!this.#exchange.ended) {
      this.#exchange.endFramed(false, this._httpMessage?.chunkedEncoding === true ? LAST_CHUNK : NOTHING);
    }
    this.clientGone();
  }

  override _destroy(error: Error | null, callback: StreamCallback): void {
    this.host.streams.delete(this);
    this.#cutOff();
    super._destroy(error, callback);
  }

  /** The request's end is told before the socket's, which is that of the response too. */
  override closing(): void {
    const request = this.#request;
    if (request === undefined || (this._httpMessage === null && request.complete)) return;
    request.destroy(connectionReset());
  }

  #cutOff(): void {
    const exchange = this.#exchange;
    if (exchange.ended) return;
    if (this.#thenKeepAlive !== undefined) return exchange.endFramed(false);
    // What was sent is on its way, as if a kernel had it; a client that does not take it is cut off.
    if (this.#waiting) exchange.destroy();
    else exchange.endFramed(false, NOTHING, true);
  }
}

const chunkOf = (chunk: string | Uint8Array) => ({ chunk, encoding: 'latin1' as const });

/** What Node destroys a request with when its client has gone. */
const connectionReset = (): Error => Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
