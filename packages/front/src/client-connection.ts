import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '@m2/core';
import { type ErrorStatus, errorResponse } from './error-response.js';
import type { HandlerSocket } from './handler-socket.js';
import { OutputQueue } from './output-queue.js';
import { isHandshake, type ParsedHead, readHead } from './request-head.js';
import { type ParseError, type RequestParser, RequestStream, type StreamOwner } from './request-parser.js';
import { RequestTurns } from './request-turns.js';
import type { Routes } from './routes.js';
import type { ResolvedSettings } from './settings.js';
import type { FrontStats } from './stats.js';
import { WebSocketSession } from './websocket.js';

/** How long a client may take to read the rest and close after the front closed its side, in milliseconds. */
const LINGER_MS = 2000;

/** What all clients of a front share. */
export interface FrontContext {
  readonly settings: ResolvedSettings;
  readonly routes: Routes<HandlerSocket>;
  /** The clients that replies can reach, by connection id. */
  readonly clients: Map<number, ClientConnection>;
  readonly parser: RequestParser;
  readonly stats: FrontStats;
  readonly logger: Logger;
  /** What closing the front waits for. */
  readonly pending: Set<Promise<void>>;
}

/** One TCP connection of one client, from its acceptance to the notice of its end. */
export class ClientConnection implements StreamOwner {
  /** The peer's address, as REMOTE_ADDR and X-Forwarded-For have it. */
  readonly remoteAddress: string;
  /** The handler that a message of this connection went to last: the one that hears of its end. */
  lastHandler: HandlerSocket | undefined;
  /** No reply reaches it any more. */
  gone = false;

  private readonly output: OutputQueue;
  private readonly turns: RequestTurns;
  private stream: RequestStream;
  private session: WebSocketSession | undefined;
  /** The headers of a request that is parsed a second time, without its Upgrade. */
  private original: readonly string[] | undefined;
  private creditsAnnounced: boolean;
  private linger: NodeJS.Timeout | undefined;

  constructor(
    readonly id: number,
    private readonly socket: Socket,
    private readonly front: FrontContext,
  ) {
    const { settings, routes, clients, parser, stats } = front;
    this.remoteAddress = socket.remoteAddress ?? '127.0.0.1';
    this.creditsAnnounced = !settings.flowControl;
    this.output = new OutputQueue(socket, settings.flowControl, this);
    this.turns = new RequestTurns(this, routes, settings);
    this.stream = new RequestStream(this);
    clients.set(id, this);
    stats.accepted++;
    stats.open++;
    parser.adopt(this.stream);
    socket.on('data', (bytes: Buffer) => this.received(bytes));
    // A client that shuts down its sending side is treated as gone (protocol 6).
    socket.on('end', () => this.clientLeft());
    socket.on('error', () => {});
    socket.on('close', () => this.closedSocket());
  }

  // --- what replies do ----------------------------------------------------------------------------------------------

  /** Queues raw bytes for the client. */
  deliver(data: Uint8Array): void {
    this.output.push(data);
  }

  /** Closes the connection once what is queued was written. No notice follows. */
  closeWhenWritten(): void {
    if (this.output.pushClose()) return;
    this.front.stats.lostCloses++;
    this.front.logger.warn('A closing reply was lost: 16 messages were queued for its client.', { id: this.id });
  }

  /** Upload credits (protocol 7.3). */
  grant(credits: number): void {
    this.turns.grant(credits);
  }

  /** Closes the connection at once, with what is queued. No notice follows (protocol 5). */
  cancel(): void {
    this.retire();
    this.socket.destroy();
  }

  // --- how it ends --------------------------------------------------------------------------------------------------

  /** The client is gone: its handler is told. */
  leave(): void {
    if (this.gone) return;
    this.retire();
    this.lastHandler?.notify(this.id, 'disconnect');
    this.socket.destroy();
  }

  /** Answers instead of a handler and closes; a handler that knows the connection is told. */
  refuse(status: ErrorStatus, why: string): void {
    if (this.gone) return;
    this.front.stats.refused++;
    this.front.logger.warn(`Answered ${status}: ${why}.`, { id: this.id });
    this.retire();
    if (this.session === undefined) this.socket.write(errorResponse(status));
    this.lastHandler?.notify(this.id, 'disconnect');
    this.finish();
  }

  /** Closes without a word to the client; a handler that knows the connection is told. */
  fail(why: string, error?: Error): void {
    if (this.gone) return;
    this.front.logger.warn(`Closed a client: ${why}.`, error === undefined ? { id: this.id } : { id: this.id, error });
    this.leave();
  }

  // --- what requests need -------------------------------------------------------------------------------------------

  /** Writes at once, past the queue. */
  writeNow(bytes: Buffer): void {
    if (!this.gone) this.socket.write(bytes);
  }

  /** True once, for the first message of a connection under flow control. */
  announcesCredits(): boolean {
    const first = !this.creditsAnnounced;
    this.creditsAnnounced = true;
    return first;
  }

  /** Lets the closing of the front wait for something that never rejects. */
  holdFront(work: Promise<void>): void {
    const { pending } = this.front;
    pending.add(work);
    void work.finally(() => pending.delete(work));
  }

  // --- StreamOwner --------------------------------------------------------------------------------------------------

  /** @internal */
  wantsMore(): void {
    if (!this.turns.crowded && this.socket.isPaused()) this.socket.resume();
  }

  /** @internal */
  requested(parsed: IncomingMessage, finish: () => void): void {
    const head: ParsedHead = this.original === undefined ? parsed : { ...pick(parsed), rawHeaders: this.original };
    this.original = undefined;
    if (!this.gone) this.turns.add(head, parsed, finish);
  }

  /** @internal */
  upgraded(parsed: IncomingMessage, rest: Uint8Array): void {
    if (this.gone) return;
    const head = readHead(parsed, this.remoteAddress);
    if (head !== undefined && !isHandshake(head)) {
      this.parseAgain(parsed, rest);
      return;
    }
    if (!this.turns.fresh) {
      this.front.logger.warn(
        'Closed a client as Mongrel2 does: its WebSocket handshake is not its first request. No notice is sent.',
        { id: this.id },
      );
      this.cancel();
      return;
    }
    const request = this.turns.open(parsed);
    if (request === undefined) return;
    const session = new WebSocketSession(request);
    if (!session.open()) {
      this.refuse(502, 'no handler takes it: too many messages wait for one');
      return;
    }
    this.session = session;
    const behind = this.leftover(rest);
    if (behind.length > 0) this.received(behind);
  }

  /** @internal */
  connected(): void {
    this.refuse(404, 'CONNECT has no route');
  }

  /** @internal */
  malformed(error: ParseError): void {
    const { code, rawPacket, bytesParsed } = error;
    // Behind "Connection: close" node:http reads no other request; Mongrel2 does. The byte that it choked on is counted.
    if (code === 'HPE_CLOSED_CONNECTION' && rawPacket !== undefined && bytesParsed !== undefined) {
      this.parseAnew('', this.leftover(rawPacket.subarray(Math.max(0, bytesParsed - 1))));
    } else this.refuse(400, code === 'HPE_HEADER_OVERFLOW' ? 'its head is longer than limits.buffer_size' : error.message);
  }

  // --- OutputListener -----------------------------------------------------------------------------------------------

  /** @internal */
  written(bytes: number): void {
    if (this.front.settings.flowControl) this.lastHandler?.notify(this.id, { credits: bytes });
  }

  /** @internal */
  overrun(why: string): void {
    this.front.stats.killed++;
    this.front.logger.error(`Dropped a client as Mongrel2 does: ${why}. No notice is sent.`, { id: this.id });
    this.cancel();
  }

  /** @internal */
  closed(): void {
    this.retire();
    this.finish();
  }

  // ------------------------------------------------------------------------------------------------------------------

  private received(bytes: Buffer): void {
    if (this.gone) return;
    if (this.session !== undefined) {
      const problem = this.session.push(bytes);
      if (problem !== undefined) this.fail(problem);
    } else if (!this.stream.push(bytes) || this.turns.crowded) this.socket.pause();
  }

  /** node:http would not read on behind an Upgrade that is none of ours: it gets the request once more, without it. */
  private parseAgain(parsed: IncomingMessage, rest: Uint8Array): void {
    const { method, url, httpVersion, rawHeaders } = parsed;
    let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      if (rawHeaders[at]?.toLowerCase() !== 'upgrade') head += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
    }
    this.original = rawHeaders;
    this.parseAnew(`${head}\r\n`, this.leftover(rest));
  }

  /** Has node:http parse from here on as if it were a new connection. */
  private parseAnew(head: string, rest: Buffer): void {
    if (this.gone) return;
    this.stream = new RequestStream(this);
    this.front.parser.adopt(this.stream);
    for (const bytes of [Buffer.from(head, 'latin1'), rest]) if (bytes.length > 0) this.stream.push(bytes);
  }

  /** What the client sent behind the last head that node:http read. */
  private leftover(rest: Uint8Array): Buffer {
    const unread = this.stream.read() as Buffer | null;
    return Buffer.concat(unread === null ? [rest] : [rest, unread]);
  }

  private clientLeft(): void {
    if (this.gone) this.socket.destroySoon();
    else if (!this.turns.left()) this.leave();
  }

  private closedSocket(): void {
    clearTimeout(this.linger);
    this.front.stats.open--;
    if (!this.gone && !this.turns.left()) this.leave();
  }

  /** From now on its id means nothing. */
  private retire(): void {
    this.gone = true;
    this.front.clients.delete(this.id);
    this.output.stop();
    this.turns.abort();
    this.stream.destroy();
  }

  /** Ends the connection so that the client reads all of what was written. */
  private finish(): void {
    this.socket.end();
    // Closing with unread bytes would reset the connection and could take the answer with it.
    this.socket.resume();
    this.linger = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.linger.unref();
  }
}

const pick = ({ method, url, httpVersion }: IncomingMessage) => ({ method, url, httpVersion });
