import type { Server } from 'node:http';
import { Duplex } from 'node:stream';
import type { HttpRequest, WebSocketHandshake } from '@m2/core';
import type { ClientIdentity, IdentityResolver } from '../client-identity.js';
import type { ResponseStreams } from '../response-streams.js';
import { tlsParts } from './node-tls.js';

/** Where apps are told that they listen, for what builds URLs or log lines from it. Nothing does listen there. */
export interface LocalAddress {
  /** An IP address. Default `127.0.0.1`. */
  readonly address?: string;
  /** Default 80, or 443 for requests that came by TLS. */
  readonly port?: number;
}

/** What is the same for every socket of one handler. */
export interface SocketHost {
  readonly server: Server;
  readonly local: LocalAddress;
  /** Finds the client behind trusted proxies; undefined where none are. */
  readonly identify: IdentityResolver | undefined;
  /** Responses without an end of their own. */
  readonly streams: ResponseStreams;
  /**
   * Told of a body that is not of the length that its head says, which no exception could tell the app. `begun`: the answer
   * was cut short; else it was 500.
   */
  misframed(message: HttpRequest, error: Error, begun: boolean): void;
}

/** Calls back a stream that waits for its write, or its end. */
export type StreamCallback = (error?: Error | null) => void;

/** As a `net.Socket`, which emits 'close' by itself, a little after it was destroyed. */
const OPTIONS = Object.freeze({ decodeStrings: false, emitClose: false });

/** The range that systems take the ports of outgoing connections from (RFC 6335 section 6). */
const EPHEMERAL_PORTS = { first: 49_152, count: 16_384 };

/**
 * A client's connection as one request sees it: a real Duplex with what `net.Socket` has besides. The connection itself is
 * Mongrel2's.
 */
export class ClientSocket<Message extends HttpRequest | WebSocketHandshake = HttpRequest> extends Duplex {
  /** The `http.Server` that the request was given to. */
  readonly server: Server;
  /** The request as it came from Mongrel2: PATTERN and everything else that HTTP has no word for. */
  readonly message: Message;
  /** Bytes that came so far. */
  bytesRead: number;
  /** Bytes that were sent so far, heads included. */
  bytesWritten = 0;
  /** What `setTimeout` was last given, in milliseconds. */
  timeout = 0;
  readonly connecting = false;
  readonly pending = false;
  /** @internal */
  protected readonly host: SocketHost;
  readonly #identity: Pick<ClientIdentity, 'remoteAddress' | 'scheme'>;
  #timer: NodeJS.Timeout | undefined;

  constructor(message: Message, host: SocketHost) {
    super(OPTIONS);
    this.host = host;
    this.message = message;
    this.server = host.server;
    this.bytesRead = message.size;
    this.#identity = host.identify?.(message) ?? message;
    if (this.encrypted) Object.assign(this, tlsParts(message));
  }

  /** The client's IP address as Mongrel2 saw it, or as trusted proxies say. */
  get remoteAddress(): string {
    return this.#identity.remoteAddress;
  }

  /** Mongrel2 does not tell it: a number that is the same for all requests of one connection. */
  get remotePort(): number {
    return EPHEMERAL_PORTS.first + (this.message.id % EPHEMERAL_PORTS.count);
  }

  get remoteFamily(): 'IPv4' | 'IPv6' {
    return family(this.remoteAddress);
  }

  get localAddress(): string {
    return this.host.local.address ?? '127.0.0.1';
  }

  get localPort(): number {
    return this.host.local.port ?? (this.encrypted ? 443 : 80);
  }

  get localFamily(): 'IPv4' | 'IPv6' {
    return family(this.localAddress);
  }

  /** The client's connection to Mongrel2 is TLS, or the one to a trusted proxy is, as that says. */
  get encrypted(): boolean {
    return this.#identity.scheme === 'https';
  }

  get readyState(): string {
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  address(): { address: string; port: number; family: string } {
    return { address: this.localAddress, port: this.localPort, family: this.localFamily };
  }

  // The client's connection is Mongrel2's to tune.
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  /** As `net.Socket` has it: 'timeout' after so many milliseconds without a byte in or out; 0 for never. */
  setTimeout(milliseconds: number, callback?: () => void): this {
    if (this.destroyed) return this;
    this.timeout = milliseconds;
    this.clearTimer();
    if (milliseconds > 0) {
      const timer = setTimeout(timeOut, milliseconds, this) as unknown as NodeJS.Timeout;
      this.#timer = timer.unref();
      if (callback !== undefined) this.once('timeout', callback);
    } else if (callback !== undefined) this.removeListener('timeout', callback);
    return this;
  }

  /** Nothing came or went for as long as `setTimeout` said. @internal */
  timedOut(): void {
    this.emit('timeout');
  }

  /** Bytes came. @internal */
  received(bytes: number): void {
    this.bytesRead += bytes;
    this.#timer?.refresh();
  }

  /** Bytes go out. @internal */
  protected sending(bytes: number): void {
    this.bytesWritten += bytes;
    this.#timer?.refresh();
  }

  /** @internal */
  protected clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  override _read(): void {
    // What comes is pushed when it comes: Mongrel2 cannot be asked to wait.
  }

  /** As a socket whose other end has closed: 'end', then 'close'. @internal */
  clientGone(): void {
    if (this.destroyed || this.readableEnded) return;
    this.once('end', () => this.destroy());
    this.push(null);
    this.read(0);
  }

  override _destroy(error: Error | null, callback: StreamCallback): void {
    this.clearTimer();
    if (error !== null) this.server.emit('clientError', error, this);
    // Node's server hears every 'error' of its sockets: one that nobody else listens to must not end the process.
    callback(this.listenerCount('error') > 0 ? error : null);
    setImmediate(emitClose, this, error !== null);
  }

  /** What is told before 'close'. @internal */
  closing(): void {}
}

function emitClose(socket: Duplex & { closing(): void }, hadError: boolean): void {
  socket.closing();
  socket.emit('close', hadError);
}

function timeOut(socket: ClientSocket): void {
  socket.timedOut();
}

const family = (address: string): 'IPv4' | 'IPv6' => (address.includes(':') ? 'IPv6' : 'IPv4');
