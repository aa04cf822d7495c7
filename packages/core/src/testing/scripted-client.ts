import { concatBytes, latin1Bytes } from '#platform';
import type { Clock } from '../clock.js';
import { asLatin1, readFrames, type ServerFrame } from './frame-reader.js';
import { IdleClock } from './idle-clock.js';
import { OutputQueue } from './output-queue.js';
import { type ParsedResponse, plain, ResponseParser } from './response-parser.js';
import { RequestWriter, type ScriptedRequest, toBytes, type WriterOptions } from './scripted-message.js';
import { UploadStream } from './upload-stream.js';
import { within } from './wait.js';

/** What ended a connection. */
export type ClosedBy =
  /** The handler's empty reply, after all before it was written. */
  | 'handler'
  /** The handler's ctl cancel. */
  | 'cancel'
  /** The client itself. */
  | 'client'
  /** One of Mongrel2's silent rules: 16 messages, the byte window, idle limits, a test's `killSilently()`. */
  | 'killed'
  /** Something the client sent, or the server itself going away. */
  | 'server';

/** The server, as one of its connections sees it. @internal */
export interface ScriptedHost {
  readonly clock: Clock;
  readonly flowControl: boolean;
  readonly rawPayload: boolean;
  readonly uploadStream: boolean;
  readonly contentLength: number;
  readonly bufferSize: number;
  readonly socketBytes: number;
  readonly messagesPerTurn: number;
  /** Calls back at the end of the turn, or when the next write is due. */
  later(call: () => void): void;
  /** Sends a message to a handler. */
  deliver(message: Uint8Array): void;
  /** Sends a credits notice. */
  credits(id: number, bytes: number): void;
  /** A connection is over; tells its handler if `notice`. */
  forget(client: ScriptedClient, by: ClosedBy, notice: boolean): void;
  /** A close was lost because the queue was full. */
  lostClose(): void;
}

/** The handshake's key and what answers it (RFC 6455 1.3). */
const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const SAMPLE_ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

const base64 = (bytes: Uint8Array): Uint8Array => latin1Bytes(btoa(asLatin1(bytes)));

/** One TCP connection to a scripted Mongrel2. Made by `ScriptedMongrel2.connect()`. */
export class ScriptedClient {
  /** Resolves when the connection is over, to what ended it. Never rejects. */
  readonly closed: Promise<ClosedBy>;
  /** What ended it; undefined while it is open. */
  closedBy: ClosedBy | undefined;
  /** How many messages were written to it. */
  writes = 0;

  private readonly host: ScriptedHost;
  private readonly writer: RequestWriter;
  private readonly output: OutputQueue;
  private readonly idle: IdleClock;
  private readonly parser: ResponseParser;
  private readonly asked: { method: string; version: 'HTTP/1.0' | 'HTTP/1.1' }[] = [];
  private readonly chunks: Uint8Array[] = [];
  private readonly responses: ParsedResponse[] = [];
  private readonly waiters: { resolve: (response: ParsedResponse) => void; reject: (error: Error) => void }[] = [];
  private failure: Error | undefined;
  private upload: UploadStream | undefined;
  private readonly held: (() => void)[] = [];
  private kind: 'new' | 'http' | 'websocket' | 'socket' = 'new';
  private left = false;
  private resolveClosed: (by: ClosedBy) => void = () => {};

  /** @internal */
  constructor(
    host: ScriptedHost,
    /** Mongrel2's connection id. */
    readonly id: number,
    options: Omit<WriterOptions, 'id'>,
  ) {
    this.host = host;
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    this.writer = new RequestWriter({ ...options, id });
    this.idle = new IdleClock(this.seconds);
    this.parser = new ResponseParser(this.asked, (response) => this.answered(response));
    this.output = new OutputQueue(host.flowControl, host.socketBytes, host.messagesPerTurn, {
      arrived: (bytes) => this.arrived(bytes),
      written: (size) => this.written(size),
      closed: () => this.end('handler', false),
      due: () => host.later(() => this.closedBy ?? this.output.turn()),
    });
  }

  /** Everything that the client has read so far. */
  get received(): Uint8Array {
    return plain(concatBytes(this.chunks));
  }

  /** A handler had a message of it, so that it is told when the client leaves. */
  get seen(): boolean {
    return this.kind !== 'new';
  }

  /** The client can send something: it is open, and has not left while its upload waits. */
  get canSend(): boolean {
    return this.closedBy === undefined && !this.left;
  }

  /** The most messages that ever waited for it in Mongrel2. */
  get mostQueued(): number {
    return this.output.highest;
  }

  /** What came after a 101, as frames. Throws when it is none. */
  get frames(): ServerFrame[] {
    return readFrames(concatBytes(this.parser.raw));
  }

  // --- what the client does -----------------------------------------------------------------------------------------

  /** Sends a request at once, whatever is still unanswered. A body over `limits.content_length` or a chunked one is streamed. */
  request(request: ScriptedRequest = {}): this {
    this.act(() => {
      // After a handshake Mongrel2 reads frames, whatever was answered: this is none (protocol 9).
      if (this.kind === 'websocket') return this.end('server', true);
      const body = toBytes(request.body ?? '');
      const large = body.length > this.host.contentLength || request.chunks !== undefined;
      this.asked.push({
        method: request.method ?? (request.body === undefined ? 'GET' : 'POST'),
        version: request.version ?? 'HTTP/1.1',
      });
      if (!large) this.send('http', this.writer.request(request, body), body.length);
      else if (this.host.uploadStream) this.startUpload(request, body);
      else this.refuse(413, 'Request Entity Too Large');
    });
    return this;
  }

  /** Sends a WebSocket handshake, always with the key of RFC 6455 1.3. */
  upgrade(request: ScriptedRequest = {}): this {
    this.act(() => {
      // Mongrel2's state machine has no way to an upgrade from a connection that was used (protocol 9).
      if (this.kind !== 'new') return this.end('server', false);
      const own = [
        ['connection', 'Upgrade'],
        ['upgrade', 'websocket'],
        ['sec-websocket-version', '13'],
        ['sec-websocket-key', SAMPLE_KEY],
      ];
      const headers = [...(request.headers ?? []), ...(own as [string, string][])];
      this.asked.push({ method: 'GET', version: 'HTTP/1.1' });
      this.send('websocket', this.writer.upgrade({ ...request, headers }, SAMPLE_ACCEPT), 200);
    });
    return this;
  }

  /** Sends a whole WebSocket message, or a control frame. `flags` is its first byte; by default FIN and the opcode of a text. */
  frame(payload: string | Uint8Array, flags = 0x81): this {
    const bytes = toBytes(payload);
    if (this.kind !== 'websocket') throw new Error(`Connection ${this.id} is no WebSocket: call upgrade() first.`);
    this.act(() => this.send('websocket', this.writer.frame(flags, bytes), bytes.length));
    return this;
  }

  /** Sends a message of a JSON socket (`route` such as `@chat`) or an XML socket (`<chat`). */
  socketMessage(route: string, body: string): this {
    this.act(() => {
      this.parser.becomeRaw();
      // Mongrel2 eats these: they only reset the idle clock (protocol 10).
      if (route.startsWith('@') && /^\s*\{\s*"type"\s*:\s*"ping"\s*\}\s*$/.test(body)) return this.idle.ping(this.seconds);
      this.send('socket', this.writer.socket(route.startsWith('@') ? 'JSON' : 'XML', route, toBytes(body)), body.length);
    });
    return this;
  }

  /** The next response that was not yet taken. Rejects when the bytes are wrong or it is cut short, and after `ms` (default 10,000). */
  response(ms?: number): Promise<ParsedResponse> {
    const response = this.responses.shift();
    if (response !== undefined) return Promise.resolve(response);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return within(
      new Promise((resolve, reject) => this.waiters.push({ resolve, reject })),
      `a response on connection ${this.id}`,
      ms,
    );
  }

  /** Stops reading: the kernel's buffer fills, then Mongrel2's queue. */
  slow(): void {
    this.output.pause();
  }

  /** Reads on. */
  resume(): void {
    this.output.resume();
  }

  /** Closes from the client's side. */
  disconnect(): void {
    if (!this.canSend) return;
    // A connection that waits for upload credits is not looked at until it gets some (protocol 7.3).
    if (this.upload !== undefined && !this.upload.done) this.left = true;
    else this.end('client', true);
  }

  /** Ends it as Mongrel2's silent rules do: no notice. */
  killSilently(): void {
    this.end('killed', false);
  }

  // --- what Mongrel2 does with it -----------------------------------------------------------------------------------

  /** A plain reply came for it; empty data closes. @internal */
  reply(data: Uint8Array | 'close'): void {
    const encoded = this.kind === 'socket' && !this.host.rawPayload && data !== 'close' ? base64(data) : data;
    const fate = this.output.push(encoded);
    if (fate === 'kill') this.end('killed', false);
    else if (fate === 'lost') this.host.lostClose();
  }

  /** An extended reply came for it. @internal */
  control(keepAlive: boolean, credits: number | undefined, cancel: boolean): void {
    if (keepAlive) this.idle.ping(this.seconds);
    if (credits !== undefined) this.grant(credits);
    if (cancel) this.end('cancel', false);
  }

  /** The idle limits look at it. @internal */
  checkIdle(): void {
    if (this.idle.tooQuiet(this.seconds)) this.end('killed', false);
  }

  /** It is over. @internal */
  end(by: ClosedBy, notice: boolean): void {
    if (this.closedBy !== undefined) return;
    this.closedBy = by;
    this.output.clear();
    this.host.forget(this, by, notice && this.seen);
    try {
      this.parser.end();
      if (this.failure === undefined) this.fail(new Error(`Connection ${this.id} was closed (by ${by}) before a response.`));
    } catch (error) {
      this.fail(error as Error);
    }
    this.resolveClosed(by);
  }

  private get seconds(): number {
    return this.host.clock.now() / 1000;
  }

  /** Runs what the client sends, in order: nothing more is read while an upload waits for credits. */
  private act(action: () => void): void {
    if (!this.canSend) throw new Error(`Connection ${this.id} is closed: nothing can be sent.`);
    if (this.upload !== undefined && !this.upload.done) this.held.push(action);
    else action();
  }

  private send(kind: 'http' | 'websocket' | 'socket', message: Uint8Array, size: number): void {
    this.kind = kind;
    // The request line and headers have a size too; what it is exactly matters only to the idle limits.
    this.idle.read(size + 100, this.seconds);
    this.host.deliver(message);
  }

  private startUpload(request: ScriptedRequest, body: Uint8Array): void {
    const chunked = request.chunks !== undefined;
    this.upload = new UploadStream(request.chunks?.map(toBytes) ?? [body], chunked, this.host.contentLength);
    const first = this.upload.first(this.host.bufferSize);
    this.send('http', this.writer.request(request, body, first), first.bytes.length);
  }

  private grant(credits: number): void {
    const { upload } = this;
    if (upload === undefined || upload.done) return;
    if (this.left) return this.end('client', true);
    upload.grant(credits);
    for (let part = upload.next(); part !== undefined; part = upload.next()) {
      this.send('http', this.writer.part(part), part.bytes.length);
    }
    if (!upload.done) return;
    this.upload = undefined;
    for (let action = this.held.shift(); action !== undefined; action = this.held.shift()) {
      action();
      // What follows waits again when that was another upload.
      if (this.upload !== undefined || this.closedBy !== undefined) return;
    }
  }

  private refuse(status: number, reason: string): void {
    this.arrived(latin1Bytes(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`));
    this.end('server', false);
  }

  private arrived(bytes: Uint8Array): void {
    // A copy: a reply belongs to whoever sent it.
    const copy = new Uint8Array(bytes);
    this.chunks.push(copy);
    if (this.failure !== undefined) return;
    try {
      this.parser.push(copy);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private written(size: number): void {
    this.writes++;
    this.idle.wrote(size, this.seconds);
    if (this.host.flowControl) this.host.credits(this.id, size);
  }

  private answered(response: ParsedResponse): void {
    const waiter = this.waiters.shift();
    if (waiter === undefined) this.responses.push(response);
    else waiter.resolve(response);
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const waiter of this.waiters.splice(0)) waiter.reject(this.failure);
  }
}
