import { utf8Bytes } from '#platform';
import type { Client, ClientOwner, OpeningRequest } from '../connection/client.js';
import { M2Error } from '../errors.js';
import { wantsKeepAlive } from './keep-alive.js';
import { openBody } from './open-body.js';
import type { ExchangeBody, RequestBody } from './request-body.js';
import {
  type Framing,
  type HeaderPairs,
  makeHead,
  makeInterimHead,
  makeSwitchingHead,
  type ResponseHead,
} from './response-head.js';
import { reasonPhrase } from './status.js';

/** Text of one byte a character in UTF-8 too, which needs no encoding. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is meant, its control characters included.
const ASCII = /^[\x00-\x7f]*$/;

/** Settings of one response. */
export interface ResponseOptions {
  /** Reason phrase. Default: the status code's own. */
  readonly reason?: string;
}

/**
 * One HTTP request and its answer. All HTTP semantics live here: framing, keep-alive, HEAD, lengths, aborts. Adapters for
 * kinds of apps are thin code over it. Made by a handler for a message of kind `http` or `websocket-handshake`, at most one
 * per message; it must be brought to its end with `respond`, `end`, `fail` or `destroy`.
 */
export class HttpExchange implements ClientOwner {
  /** The request body. */
  readonly body: RequestBody;

  private readonly incoming: ExchangeBody;
  private state: 'open' | 'streaming' | 'ended' | 'gone' = 'open';
  private head: ResponseHead | undefined;
  private written = 0;
  private abortCause: M2Error | undefined;
  /** The server stops, and the signal said so; the answer goes on. */
  private stopCause: M2Error | undefined;
  private controller: AbortController | undefined;
  private listeners: ((cause: M2Error) => void)[] | undefined;
  /** The response is framed by someone else. */
  private framed = false;

  /** @throws M2Error `M2_EXCHANGE_STATE` when the client's current request is another one, or has an exchange already. */
  constructor(
    readonly request: OpeningRequest,
    readonly client: Client,
  ) {
    if (client.current !== request || client.owner !== undefined) {
      throw new M2Error(
        'M2_EXCHANGE_STATE',
        'This request is over, or another HttpExchange answers it: make one per request, in handle().',
      );
    }
    client.owner = this;
    this.incoming = openBody(request, client, this);
    this.body = this.incoming;
  }

  /** The body is one that Mongrel2 stores in a file, and there is no folder set up to read it from: answer 413. */
  get bodyUnavailable(): boolean {
    return this.client.storedNowhere;
  }

  /** The connection cannot go on after a response that is complete now, which should say `Connection: close`: much of the body is unread. */
  get mustClose(): boolean {
    return this.incoming.mustClose;
  }

  /** The response's head was given; it can be changed no more. */
  get headSent(): boolean {
    return this.state !== 'open';
  }

  /** Nothing more can be sent: the answer is complete, or the client is gone. */
  get ended(): boolean {
    return this.state === 'ended' || this.state === 'gone';
  }

  /** Why the exchange was cut short; undefined while it was not. A server that only begins to stop cuts nothing short. */
  get aborted(): M2Error | undefined {
    return this.abortCause;
  }

  /**
   * Aborts when the client goes away, or the server cuts the answer short, before it is complete; for server-sent events, when the
   * server begins to stop: its reason, an M2Error, is `M2_SHUTTING_DOWN` then, and a farewell can still be sent. Else never.
   */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      const cause = this.stopCause ?? this.abortCause;
      if (cause !== undefined) this.controller.abort(cause);
    }
    return this.controller.signal;
  }

  /**
   * Calls `listener`, once, when the exchange is cut short because the client is gone or a limit was passed; at once when it was.
   * Not when the server stops, since a farewell may still be written then: that only `signal` tells. It must not throw.
   */
  onAbort(listener: (cause: M2Error) => void): void {
    if (this.abortCause !== undefined) listener(this.abortCause);
    else if (this.listeners === undefined) this.listeners = [listener];
    else this.listeners.push(listener);
  }

  /**
   * Sends a whole response. Content-Length is set from the body; a text goes out as UTF-8.
   * @throws M2Error `M2_BAD_HEADER` or `M2_BODY_LENGTH_MISMATCH`, with nothing sent; `M2_EXCHANGE_STATE` after a head was given.
   */
  respond(status: number, headers: HeaderPairs, body: string | Uint8Array | null = null, options: ResponseOptions = {}): void {
    if (this.state === 'gone') return;
    this.expectState('open', 'respond');
    const bytes = body === null ? '' : encode(body);
    const head = makeHead(this.finalFraming(), status, headers, bytes.length, this.date(), options.reason);
    this.state = 'ended';
    this.client.write(head.text, head.body === 'none' ? '' : bytes, 1);
    this.finish(head.keepAlive);
  }

  /**
   * Gives the head of a response whose body comes in pieces. It is sent with the first piece, or at the end of this tick.
   * @throws M2Error as `respond`.
   */
  start(status: number, headers: HeaderPairs, options: ResponseOptions = {}): void {
    if (this.state === 'gone') return;
    this.expectState('open', 'start');
    this.head = makeHead(this.framing(), status, headers, undefined, this.date(), options.reason);
    this.state = 'streaming';
    this.client.writeSoon(this.head.text, 0);
  }

  /** The body will not be sent: HEAD, 204, 304. What produces it can be cancelled. */
  get bodyless(): boolean {
    return this.head?.body === 'none';
  }

  /**
   * Sends a piece of the body; a text goes out as UTF-8. `false`: wait for `drained()`. Ignored once the client is gone.
   * @throws M2Error `M2_EXCHANGE_STATE` before `start` and after `end`; `M2_BODY_LENGTH_MISMATCH` past Content-Length: nothing
   * of the piece is sent, the response is cut short and the connection closed.
   */
  write(chunk: string | Uint8Array): boolean {
    if (this.state === 'gone') return false;
    this.expectState('streaming', 'write');
    const head = this.head as ResponseHead;
    // An empty piece would end a chunked body.
    if (head.body === 'none' || chunk.length === 0) return true;
    const bytes = encode(chunk);
    if (head.body === 'length' && this.written + bytes.length > head.length) throw this.tooLong(bytes.length);
    this.written += bytes.length;
    if (head.body !== 'chunked') return this.client.writeSoon(bytes, 0);
    const size = `${bytes.length.toString(16)}\r\n`;
    if (typeof bytes === 'string') return this.client.writeSoon(`${size}${bytes}\r\n`, 0);
    this.client.writeSoon(size, 0);
    this.client.writeSoon(bytes, 0);
    return this.client.writeSoon('\r\n', 0);
  }

  /** Resolves when there is room for more, or the client is gone. */
  drained(): Promise<void> {
    return this.client.drained();
  }

  /**
   * Ends the body, after a last piece if there is one.
   * @throws M2Error as `write`; `M2_BODY_LENGTH_MISMATCH` when the body is shorter than Content-Length: the connection is then closed.
   */
  end(chunk?: string | Uint8Array): void {
    if (this.state === 'gone') return;
    if (chunk !== undefined) this.write(chunk);
    this.expectState('streaming', 'end');
    const head = this.head as ResponseHead;
    if (head.body === 'length' && this.written < head.length) {
      this.truncate();
      throw new M2Error(
        'M2_BODY_LENGTH_MISMATCH',
        `The response body ended after ${this.written} of the ${head.length} bytes that its Content-Length promised.`,
        { details: { declared: head.length, actual: this.written } },
      );
    }
    this.state = 'ended';
    this.client.writeSoon(head.body === 'chunked' ? '0\r\n\r\n' : '', 1);
    this.finish(head.keepAlive);
  }

  /**
   * Sends an interim response such as 103 Early Hints. Dropped for HTTP/1.0, which has none.
   * @throws M2Error `M2_BAD_HEADER` for another status, `M2_EXCHANGE_STATE` after a head was given.
   */
  inform(status: number, headers: HeaderPairs): void {
    if (this.state === 'gone') return;
    this.expectState('open', 'inform');
    if (this.request.version === 'HTTP/1.1') this.client.write(makeInterimHead(status, headers), '', 0);
  }

  /** The app failed: answers with `status` and a plain text when no head was given yet, else cuts the answer short. Tells the client nothing of the error. */
  fail(status = 500): void {
    if (this.ended) return;
    if (this.state === 'streaming') this.truncate();
    else this.respond(status, PLAIN_TEXT, `${reasonPhrase(status)}\n`);
  }

  /**
   * Sends bytes of a response that was framed elsewhere, by Node's own `ServerResponse`; a string is latin1. Nothing is
   * checked or added. `false`: wait for `drained()`. Not to be mixed with `respond` and `start`.
   * @throws M2Error `M2_EXCHANGE_STATE` after the end, or after `start`.
   */
  sendFramed(bytes: string | Uint8Array): boolean {
    if (this.state === 'gone') return false;
    this.enterFramed();
    return bytes.length === 0 || this.client.writeSoon(bytes, 0);
  }

  /**
   * Ends a response that was framed elsewhere, after a last piece if there is one. `keepAlive` says whether its framing
   * leaves the connection usable, `truncated` that it was cut short.
   * @throws M2Error as `sendFramed`.
   */
  endFramed(keepAlive: boolean, bytes: string | Uint8Array = '', truncated = false): void {
    if (this.state === 'gone') return;
    this.enterFramed();
    this.state = 'ended';
    const end = truncated ? 2 : 1;
    if (bytes.length > 0 && this.client.bufferedAmount === 0) this.client.write('', bytes, end);
    else this.client.writeSoon(bytes, end);
    this.finish(keepAlive && !truncated, truncated);
  }

  private enterFramed(): void {
    if (this.state === 'open') this.framed = true;
    else if (this.state !== 'streaming' || !this.framed) this.expectState('open', 'sendFramed');
    this.state = 'streaming';
  }

  /**
   * Accepts a WebSocket handshake with a 101 and the accept value that Mongrel2 made ready (protocol 9). From here on the
   * client's frames go to the handler, and what is sent to the client are frames.
   * @throws M2Error `M2_EXCHANGE_STATE` when the request is no handshake or was answered, `M2_BAD_HEADER` as `respond`.
   */
  acceptWebSocket(headers: HeaderPairs = []): void {
    if (this.state === 'gone') return;
    this.expectState('open', 'acceptWebSocket');
    if (this.request.kind !== 'websocket-handshake') {
      throw new M2Error('M2_EXCHANGE_STATE', 'Only a WebSocket handshake can be accepted; this is an ordinary request.');
    }
    const head = makeSwitchingHead(this.request.accept, headers);
    this.state = 'ended';
    this.client.write(head, '', 1);
    this.listeners = undefined;
    this.client.complete(true);
  }

  /** Refuses the request with 503 because there is too much to do; counted as shed. */
  shed(retryAfterSeconds = 1): void {
    if (this.ended) return;
    const headers = [...PLAIN_TEXT, ['Retry-After', `${retryAfterSeconds}`] as const];
    const text = `${reasonPhrase(503)}\n`;
    const head = makeHead(this.finalFraming(), 503, headers, text.length, this.date());
    this.state = 'ended';
    this.client.write(head.text, head.body === 'none' ? '' : text, 0);
    this.client.end('shed');
    this.finish(head.keepAlive);
  }

  /** Closes the client's connection at once; what was not sent yet is dropped. */
  destroy(): void {
    if (this.ended) return;
    this.client.cancel();
  }

  // --- ClientOwner --------------------------------------------------------------------------------------------------

  /** @internal */
  gone(cause: M2Error): void {
    if (this.ended) return;
    this.state = 'gone';
    this.incoming.abandon(cause);
    this.abort(cause);
  }

  /** @internal */
  stopping(): void {
    // A farewell may still be written; only streams that have no end of their own are told.
    if (this.state !== 'streaming' || !this.isEventStream || this.stopCause !== undefined) return;
    this.stopCause = new M2Error('M2_SHUTTING_DOWN', 'The server is stopping: end this stream.');
    this.controller?.abort(this.stopCause);
  }

  /** @internal */
  timeOut(): void {
    const cause = new M2Error(
      'M2_TIMED_OUT',
      `No answer to ${this.request.method} ${this.request.path} within the request timeout.`,
    );
    this.answerInstead(504, cause);
  }

  /** @internal */
  bodyTooLarge(cause: M2Error): void {
    this.client.link.counters.tooLarge++;
    if (this.state === 'open') this.answerInstead(413, cause);
  }

  /** Answers for the app, which is told as if the client had gone: whatever it still sends is refused. */
  private answerInstead(status: 413 | 504, cause: M2Error): void {
    const text = `${reasonPhrase(status)}\n`;
    const head = makeHead({ ...this.framing(), keepAlive: false }, status, PLAIN_TEXT, text.length, this.date());
    this.state = 'ended';
    this.client.write(head.text, head.body === 'none' ? '' : text, status === 504 ? 0 : 1);
    if (status === 504) this.client.end('timedOut');
    this.abort(cause);
    this.finish(false);
    this.state = 'gone';
  }

  /** @internal */
  expire(): void {
    if (this.state === 'streaming') this.truncate(new M2Error('M2_CLOSED', 'The server stopped before the end of this answer.'));
    else this.shed();
  }

  private get isEventStream(): boolean {
    return this.head !== undefined && /^content-type: *text\/event-stream/im.test(this.head.text);
  }

  private abort(cause: M2Error): void {
    if (this.abortCause !== undefined) return;
    this.abortCause = cause;
    this.controller?.abort(cause);
    const { listeners } = this;
    this.listeners = undefined;
    for (const listener of listeners ?? []) listener(cause);
  }

  /** Ends the answer where it is; the missing end tells the client that it is not whole. */
  private truncate(cause?: M2Error): void {
    this.state = 'ended';
    if (cause !== undefined) this.abort(cause);
    this.client.writeSoon('', 2);
    this.finish(false, true);
  }

  private tooLong(more: number): M2Error {
    const declared = (this.head as ResponseHead).length;
    const error = new M2Error(
      'M2_BODY_LENGTH_MISMATCH',
      `The response body has ${this.written + more} bytes or more, but its Content-Length says ${declared}.`,
      { details: { declared, actual: this.written + more } },
    );
    this.truncate();
    return error;
  }

  private finish(keepAlive: boolean, truncated = false): void {
    this.listeners = undefined;
    const close = this.incoming.finish();
    // Closed before the client has sent all, it may lose the answer. One that is cut short is known by the close alone.
    this.client.complete(close === 'never' ? keepAlive : close === 'later' && !truncated);
  }

  /** Of an answer that is complete now, so that what is unread of the request body stays so. */
  private finalFraming(): Framing {
    const framing = this.framing();
    return this.incoming.mustClose ? { ...framing, keepAlive: false } : framing;
  }

  private framing(): Framing {
    const { request } = this;
    return { method: request.method, version: request.version, keepAlive: request.kind === 'http' && wantsKeepAlive(request) };
  }

  private date(): string {
    return this.client.link.date.value();
  }

  private expectState(state: 'open' | 'streaming', verb: string): void {
    if (this.state === state) return;
    throw new M2Error('M2_EXCHANGE_STATE', `${verb}() came when the response was ${DESCRIBED[this.state]}.`);
  }
}

const PLAIN_TEXT: readonly (readonly [string, string])[] = [['Content-Type', 'text/plain; charset=utf-8']];

const DESCRIBED = { open: 'not started', streaming: 'under way', ended: 'complete', gone: 'cut off' } as const;

const encode = (data: string | Uint8Array): string | Uint8Array =>
  typeof data !== 'string' || ASCII.test(data) ? data : utf8Bytes(data);
