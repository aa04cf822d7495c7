import { afterTick, M2Error, type Reply } from '@m2/core';
import type { NetAddress } from './addresses.js';
import { BackOff } from './back-off.js';
import type { ConnectionOwner, ZmtpConnection } from './connection.js';
import { dial } from './dial.js';
import type { ZmtpLimits } from './limits.js';

/** How long the peer may take to end its side after our half-close, in milliseconds. */
const HALF_CLOSE_MS = 2000;

/** The connection that brings requests, or the one that takes replies. */
export type Role = 'puller' | 'publisher';

/** What an incarnation tells its link. None of these may throw. */
export interface IncarnationOwner {
  /** The server's subscription was seen. At most once. */
  up(incarnation: Incarnation, subscription: Uint8Array): void;
  messages(incarnation: Incarnation, batch: readonly Uint8Array[]): void;
  /** The puller did not get through; it is tried again. */
  retrying(role: Role, cause: M2Error): void;
  /** The reply connection has handed something to the kernel. */
  written(): void;
  /** It has ended by itself. At most once, and not after `close()`. */
  over(incarnation: Incarnation, role: Role, cause: M2Error): void;
}

/** Where the two sockets of a server are. */
export interface Endpoints {
  readonly requests: NetAddress;
  readonly replies: NetAddress;
}

/**
 * One XPUB and one PULL connection to one run of a Mongrel2 process. Neither is ever made anew within it, so neither a
 * request nor a reply can cross a restart of the server: that takes a new incarnation.
 */
export class Incarnation {
  /** The link's epoch that this is; 0 until the subscription was seen. */
  epoch = 0;
  private publisher: ZmtpConnection | undefined;
  private puller: ZmtpConnection | undefined;
  private subscription: Buffer | undefined;
  private pulling = true;
  private ended = false;
  private leaving: (() => void) | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private cutPublisher: () => void;
  private cutPuller: () => void = () => {};
  private readonly backOff = new BackOff();

  constructor(
    private readonly endpoints: Endpoints,
    private readonly limits: ZmtpLimits,
    private readonly owner: IncarnationOwner,
  ) {
    this.cutPublisher = dial({ address: endpoints.replies, type: 'XPUB', limits }, this.publisherOwner(), (cause) =>
      this.end('publisher', cause),
    );
  }

  /** Sends a reply. Only between `up` and `over`. */
  send(reply: Reply): void {
    this.publisher?.send(reply.head, reply.data);
  }

  /** Bytes that were taken and not yet handed to the kernel. */
  get pendingBytes(): number {
    return this.publisher?.outgoing.pendingBytes ?? 0;
  }

  /**
   * Takes no more requests: half-closes the connection and reads what is on its way to the end, so that the server sees
   * the handler leave and nothing that it had sent is lost (protocol 13.5).
   */
  async stopPulling(): Promise<void> {
    this.pulling = false;
    clearTimeout(this.retry);
    const { puller } = this;
    if (puller === undefined || !puller.isReady || this.ended) return this.cutPuller();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, HALF_CLOSE_MS);
      this.leaving = () => {
        clearTimeout(timer);
        resolve();
      };
      puller.socket.end();
    });
    this.cutPuller();
  }

  /** Closes both connections. Replies that were taken get up to `lingerMs` to leave. */
  async close(lingerMs: number): Promise<number> {
    this.pulling = false;
    clearTimeout(this.retry);
    const lost = await this.flush(this.ended ? 0 : lingerMs);
    this.ended = true;
    this.cutPuller();
    this.cutPublisher();
    return lost;
  }

  /** Ends the reply connection in order; gives the bytes that could not be sent any more. */
  private async flush(lingerMs: number): Promise<number> {
    const { publisher } = this;
    if (publisher === undefined || !publisher.isReady || publisher.socket.destroyed) return 0;
    publisher.outgoing.flush();
    if (lingerMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, lingerMs);
        const done = () => {
          clearTimeout(timer);
          resolve();
        };
        publisher.socket.once('close', done);
        publisher.socket.end(done);
      });
    }
    return publisher.socket.writableLength;
  }

  private publisherOwner(): ConnectionOwner {
    return {
      ready: (connection) => {
        this.publisher = connection;
      },
      messages: () => {},
      subscription: (_, subscribe, prefix) => this.subscribed(subscribe, prefix),
      written: () => this.owner.written(),
      ended: (_, cause) => this.end('publisher', cause ?? closedByPeer()),
    };
  }

  private subscribed(subscribe: boolean, prefix: Buffer): void {
    if (this.ended) return;
    if (subscribe && this.subscription === undefined) {
      this.subscription = prefix;
      this.owner.up(this, prefix);
      // Only now: a request must find the way back open.
      this.pull();
    } else if (!subscribe && this.subscription?.equals(prefix) === true) {
      this.end('publisher', new M2Error('M2_LINK_DOWN', 'The server withdrew its subscription.'));
    }
  }

  private pull(): void {
    if (!this.pulling || this.ended) return;
    const owner: ConnectionOwner = {
      ready: (connection) => {
        this.puller = connection;
        this.startReading(connection);
      },
      messages: (_, batch) => this.owner.messages(this, batch.length === 1 ? (batch[0] as Buffer[]) : batch.flat()),
      subscription: () => {},
      written: () => {},
      ended: (connection, cause) => this.pullerEnded(connection === this.puller, cause ?? closedByPeer()),
    };
    const address = this.endpoints.requests;
    this.cutPuller = dial({ address, type: 'PULL', limits: this.limits }, owner, (cause) => this.pullerEnded(false, cause));
  }

  /**
   * A server that was restarted between the publisher's connection and this one would give its requests to the old epoch.
   * The end of the old connection was there before this one could begin, and whatever was there is seen within a turn: if
   * the publisher stands after two, this is the server that it talks to.
   */
  private startReading(connection: ZmtpConnection): void {
    connection.socket.pause();
    afterTick(() => afterTick(() => {
      if (!this.ended) connection.socket.resume();
    }));
  }

  private pullerEnded(established: boolean, cause: M2Error): void {
    if (this.leaving !== undefined) return this.leaving();
    if (established) return this.end('puller', cause);
    if (this.ended || !this.pulling) return;
    // The publisher's connection still stands, so it is the same server, and the epoch goes on.
    this.owner.retrying('puller', cause);
    this.retry = setTimeout(() => this.pull(), this.backOff.next());
  }

  private end(role: Role, cause: M2Error): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.retry);
    this.leaving?.();
    this.owner.over(this, role, cause);
  }
}

const closedByPeer = () => new M2Error('M2_LINK_DOWN', 'The server ended the connection.');
