import { concatBytes } from '#platform';
import type { Client, OpeningRequest, UploadSink } from '../connection/client.js';
import { M2Error } from '../errors.js';
import type { HttpRequest, UploadPart } from '../wire/message.js';
import { parseLength } from './header-rules.js';
import type { StoredFile } from './stored-upload.js';

/** How many bytes of a streamed body may be on their way or waiting to be read. */
const WINDOW_BYTES = 256 * 1024;
/** An unread rest up to this size is read and dropped, so that the connection can go on; beyond it the connection is closed. */
const DISCARD_BYTES = 1024 * 1024;

/** A request's body, pulled by whoever reads it. One reader, one `read()` at a time. */
export interface RequestBody {
  /** Bytes that the whole body will have; undefined for a chunked one that is still coming. */
  readonly length: number | undefined;
  /** All of it, when it is in memory and nothing was read yet. */
  readonly whole: Uint8Array | undefined;
  /** The next bytes; undefined at the end. Rejects with `M2_CLIENT_GONE` and the like when the rest cannot come. */
  read(): Promise<Uint8Array | undefined>;
  /** Nobody will read the rest. Idempotent. The response can still be sent. */
  cancel(): void;
}

/** When a connection has to be closed for what is unread of a body: `later` is when the rest has come. */
export type CloseWhen = 'never' | 'later' | 'now';

/** A body as its exchange sees it. */
export interface ExchangeBody extends RequestBody {
  /** The connection cannot go on after a response that is complete now. */
  readonly mustClose: boolean;
  /** The response is complete: nobody reads any more. */
  finish(): CloseWhen;
  /** The client is gone, or the body was given up: what is not in memory cannot be read any more. */
  abandon(cause: M2Error): void;
}

/** A body that came with its message. */
export class WholeBody implements ExchangeBody {
  readonly mustClose = false;
  private taken = false;

  constructor(private readonly message: { readonly body: Uint8Array }) {}

  get length(): number {
    return this.message.body.length;
  }

  get whole(): Uint8Array | undefined {
    return this.taken ? undefined : this.message.body;
  }

  read(): Promise<Uint8Array | undefined> {
    const bytes = this.whole;
    this.taken = true;
    return Promise.resolve(bytes === undefined || bytes.length === 0 ? undefined : bytes);
  }

  cancel(): void {
    this.taken = true;
  }

  finish(): CloseWhen {
    this.taken = true;
    return 'never';
  }

  abandon(): void {}
}

/**
 * A body that Mongrel2 streams (`upload.stream=1`, protocol 7.3). Credits are granted as it is read, so a slow reader slows
 * the client and no more than the window is held here.
 */
export class StreamedBody implements ExchangeBody, UploadSink {
  readonly length: number | undefined;
  private parts: Uint8Array[] = [];
  private buffered = 0;
  private received = 0;
  private discarded = 0;
  /** Granted and not yet received. Negative when a chunk was larger than what was granted. */
  private outstanding = 0;
  private complete: boolean;
  private discarding = false;
  /** The response is complete. */
  private finished = false;
  /** Discarded with something unread: no later read may take that for the end. */
  private unread = false;
  private failure: M2Error | undefined;
  private reader: { resolve: (bytes: Uint8Array | undefined) => void; reject: (cause: M2Error) => void } | undefined;

  constructor(
    private readonly client: Client,
    request: HttpRequest,
    length: number | undefined,
  ) {
    this.length = length;
    this.complete = request.upload?.type !== 'stream' || request.upload.done;
    if (!this.complete) client.upload = this;
    this.append(request.body);
  }

  get whole(): Uint8Array | undefined {
    if (!this.complete || this.received !== this.buffered) return undefined;
    return concatBytes(this.parts);
  }

  read(): Promise<Uint8Array | undefined> {
    const part = this.parts.shift();
    if (part !== undefined) {
      this.buffered -= part.length;
      this.grant();
      return Promise.resolve(part);
    }
    if (this.unread) return Promise.reject(discarded());
    if (this.complete) return Promise.resolve(undefined);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    if (this.reader !== undefined) {
      return Promise.reject(new M2Error('M2_EXCHANGE_STATE', 'A request body has one reader: wait for read() before the next.'));
    }
    this.grant();
    return new Promise((resolve, reject) => {
      this.reader = { resolve, reject };
    });
  }

  cancel(): void {
    if (this.discarding) return;
    this.discarding = true;
    this.unread = !this.complete || this.parts.length > 0;
    this.reader?.reject(discarded());
    this.reader = undefined;
    this.parts = [];
    this.buffered = 0;
    this.discardMore();
  }

  get mustClose(): boolean {
    if (this.complete) return false;
    const rest = this.length === undefined ? this.discarded : this.length - this.received - this.discarded;
    return rest > DISCARD_BYTES;
  }

  finish(): CloseWhen {
    this.cancel();
    this.finished = true;
    return this.mustClose ? 'now' : 'never';
  }

  private discardMore(): void {
    if (!this.mustClose) this.grant();
    else if (this.finished) this.client.close();
  }

  /** A part arrived. @internal */
  part(part: UploadPart): void {
    this.outstanding -= part.body.length;
    if (part.done) this.complete = true;
    if (this.discarding) {
      this.discarded += part.body.length;
      if (!part.done) this.discardMore();
      return;
    }
    this.append(part.body);
    const reader = this.reader;
    if (reader === undefined) return;
    const next = this.parts.shift();
    if (next === undefined && !this.complete) return this.grant();
    this.reader = undefined;
    this.buffered -= next?.length ?? 0;
    if (!this.complete) this.grant();
    reader.resolve(next);
  }

  abandon(cause: M2Error): void {
    this.fail(cause);
  }

  /** The rest will not come. @internal */
  fail(cause: M2Error): void {
    if (this.complete) return;
    this.failure ??= cause;
    this.reader?.reject(cause);
    this.reader = undefined;
  }

  private append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    // A copy, which slice() of a Buffer is not: the message's bytes may be a small view on a large read of the socket.
    this.parts.push(new Uint8Array(bytes));
    this.buffered += bytes.length;
    this.received += bytes.length;
  }

  /** Keeps up to a window of bytes coming; asks for more in halves, not for each part. */
  private grant(): void {
    if (this.complete || this.failure !== undefined) return;
    const room = WINDOW_BYTES - this.buffered - this.outstanding;
    if (room < WINDOW_BYTES / 2) return;
    this.outstanding += room;
    this.client.grantCredits(room);
  }
}

const discarded = (): M2Error =>
  new M2Error('M2_EXCHANGE_STATE', 'The response was complete before all of the request body was read.');

/** A body that Mongrel2 stores in a file (`upload.temp_store`, protocol 7.2), read while it is being written. */
export class StoredBody implements ExchangeBody {
  readonly whole = undefined;
  private position = 0;

  constructor(
    private readonly client: Client,
    private readonly file: StoredFile,
    readonly length: number | undefined,
  ) {}

  async read(): Promise<Uint8Array | undefined> {
    const bytes = await this.file.read();
    this.position += bytes?.length ?? 0;
    return bytes;
  }

  cancel(): void {
    this.file.close();
  }

  // A client that has its answer sends its next request right behind the rest of the body, and Mongrel2 writes the first bytes
  // of that into the file as well: the client would wait for its answer for ever (protocol 7.2). Not so behind a chunked body,
  // of which nobody knows how much there is to come: the connection's next sweeps see to one that takes long.
  get mustClose(): boolean {
    return this.client.stored?.file === this.file && this.length !== undefined && this.position < this.length;
  }

  finish(): CloseWhen {
    this.file.close();
    const { stored } = this.client;
    if (stored === undefined || !this.mustClose) return 'never';
    if ((this.length ?? 0) - this.position > DISCARD_BYTES) return 'now';
    stored.closes = true;
    return 'later';
  }

  abandon(cause: M2Error): void {
    this.file.abandon(cause);
  }
}

/** The body's length as Mongrel2 framed it: of several Content-Length it takes the first (protocol 6). */
export function declaredLength(request: OpeningRequest): number | undefined {
  const value = request.header('content-length');
  return value === undefined ? undefined : parseLength(typeof value === 'string' ? value : (value[0] ?? ''));
}

/**
 * After an answer that was sent without an HttpExchange: what nobody reads of a streamed body would block its connection for
 * good (protocol 7.3), and of a stored one spoil the next request. A small rest is dropped as it comes; false when the connection has to be closed.
 */
export function dropUnreadBody(client: Client): boolean {
  const { current, storedFile } = client;
  if (current !== undefined && storedFile !== undefined) {
    client.storedFile = undefined;
    return new StoredBody(client, storedFile, declaredLength(current)).finish() !== 'now';
  }
  if (current?.kind !== 'http' || current.upload?.type !== 'stream' || !client.uploading || client.upload !== undefined)
    return true;
  return new StreamedBody(client, current, declaredLength(current)).finish() === 'never';
}
