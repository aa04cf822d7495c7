import { afterTick, M2Error, type Reply } from '@m2/core';
import type { NetAddress } from './addresses.js';
import { BackOff, type ReconnectOptions } from './back-off.js';
import type { ConnectionOwner } from './connection.js';
import { type Dialled, dial } from './dial.js';
import type { ZmtpLimits } from './limits.js';

/** How long the server may be silent after our half-close before it is cut off, in milliseconds. */
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
  /** The kernel has taken so many more replies. */
  written(replies: number): void;
  /** The server did not end its side in order after `stopPulling()`: requests may be lost. */
  cutShort(cause: M2Error): void;
  /** It has ended by itself. At most once, and not after `close()`. */
  over(incarnation: Incarnation, role: Role, cause: M2Error): void;
}

/** Where the two sockets of a server are, and how they are treated. */
export interface Endpoints {
  readonly requests: NetAddress;
  readonly replies: NetAddress;
  readonly limits: ZmtpLimits;
  readonly reconnect: ReconnectOptions;
}

/**
 * One XPUB and one PULL connection to one run of a Mongrel2 process. Neither is ever made anew within it, so neither a
 * request nor a reply can cross a restart of the server: that takes a new incarnation.
 */
export class Incarnation {
  /** The link's epoch that this is; 0 until the subscription was seen. */
  epoch = 0;
  private subscription: Buffer | undefined;
  private pulling = true;
  private ended = false;
  private left: (() => void) | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly publisher: Dialled;
  private puller: Dialled | undefined;
  private readonly backOff: BackOff;

  constructor(
    private readonly endpoints: Endpoints,
    private readonly owner: IncarnationOwner,
  ) {
    const { replies: address, limits, reconnect } = endpoints;
    this.backOff = new BackOff(reconnect);
    this.publisher = dial({ address, type: 'XPUB', limits }, this.publisherOwner(), (cause) => this.end('publisher', cause));
  }

  /** Sends a reply. Only between `up` and `over`. */
  send(reply: Reply): void {
    this.publisher.connection?.send(reply.head, reply.data);
  }

  /** Bytes that were taken and not yet handed to the kernel. */
  get pendingBytes(): number {
    return this.publisher.connection?.outgoing.pendingBytes ?? 0;
  }

  /**
   * Takes no more requests: half-closes the connection and reads what is on its way to the end, so that the server sees
   * the handler leave and nothing that it had sent is lost (protocol 13.5). The replies' connection stands.
   */
  async stopPulling(): Promise<void> {
    this.pulling = false;
    clearTimeout(this.retry);
    const { puller } = this;
    if (this.ended || puller === undefined) return;
    if (puller.connection?.halfClose(HALF_CLOSE_MS) === true) {
      await new Promise<void>((resolve) => {
        this.left = resolve;
      });
    }
    puller.cut();
  }

  /** Closes both connections. Replies that were taken get up to `lingerMs` to leave. Gives the number that could not. */
  async close(lingerMs: number): Promise<number> {
    const alive = !this.ended;
    this.ended = true;
    this.pulling = false;
    clearTimeout(this.retry);
    this.puller?.cut();
    this.left?.();
    const { connection } = this.publisher;
    if (alive && lingerMs > 0 && connection?.isReady === true) await connection.finish(lingerMs);
    this.publisher.cut();
    return connection?.outgoing.pendingMessages ?? 0;
  }

  private publisherOwner(): ConnectionOwner {
    return {
      ready: () => {},
      messages: () => {},
      subscription: (_, subscribe, prefix) => this.subscribed(subscribe, prefix),
      written: (_, replies) => this.owner.written(replies),
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
    let established = false;
    const owner: ConnectionOwner = {
      ready: (connection) => {
        established = true;
        // A server that was restarted between the publisher's connection and this one would give its requests to the old epoch.
        // The end of the old connection was there before this one could begin, and what was there is seen within a turn: if the
        // publisher still stands after two, this is the server that it talks to.
        connection.hold();
        afterTick(() => afterTick(() => connection.release()));
      },
      messages: (_, frames) => this.owner.messages(this, frames),
      subscription: () => {},
      written: () => {},
      ended: (_, cause) => this.pullerEnded(established, cause),
    };
    const { requests: address, limits } = this.endpoints;
    this.puller = dial({ address, type: 'PULL', limits }, owner, (cause) => this.pullerEnded(false, cause));
  }

  /** `cause` is undefined when the server ended the connection in order. */
  private pullerEnded(established: boolean, cause: M2Error | undefined): void {
    if (this.left !== undefined) {
      if (cause !== undefined) this.owner.cutShort(cause);
      return this.left();
    }
    if (established) return this.end('puller', cause ?? closedByPeer());
    if (this.ended || !this.pulling) return;
    // The publisher's connection still stands, so it is the same server, and the epoch goes on.
    this.owner.retrying('puller', cause ?? closedByPeer());
    this.retry = setTimeout(() => this.pull(), this.backOff.next());
  }

  private end(role: Role, cause: M2Error): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.retry);
    this.left?.();
    this.owner.over(this, role, cause);
  }
}

const closedByPeer = () => new M2Error('M2_LINK_DOWN', 'The server ended the connection.');
