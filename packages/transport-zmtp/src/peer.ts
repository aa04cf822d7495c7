import type { M2Error } from '@m2/core';
import type { ZmtpConnection } from './connection.js';
import type { Subscriptions } from './subscriptions.js';

/** One connected peer of a socket, and what the socket knows of it. */
export interface Peer {
  readonly connection: ZmtpConnection;
  /** How a ROUTER addresses it: the peer's own identity, or one made up. */
  readonly identity: Buffer;
  /** Prefixes that it subscribed to. */
  readonly subscriptions: Subscriptions;
}

/** What a socket tells its owner. None of these may throw. */
export interface SocketEvents {
  /** Messages of one read, each a list of frames; from a ROUTER or REP the first one is the peer's identity. */
  messages(batch: readonly Uint8Array[][]): void;
  /** Peers connected now; called when one comes or goes. */
  peers?(count: number): void;
  /** A peer was cut off or could not be connected; the socket goes on. `details.lost` are messages taken for it that did not go out. */
  trouble?(cause: M2Error): void;
  /** There is room for more after `send` said `false`. */
  drained?(): void;
  /** PUB and XPUB only: a peer subscribed to a prefix, or withdrew it, by going away at the latest. */
  subscription?(subscribe: boolean, prefix: Uint8Array): void;
}

/** Counts of messages of one socket; they only grow. */
export interface SocketCounters {
  /** Handed to the owner. */
  received: number;
  /** Handed to the kernel; from a publisher, once for each subscriber. */
  sent: number;
  /** Not taken by `send`, or from a publisher not taken for a slow subscriber. */
  refused: number;
  /** Taken, but the peer went away or the socket was closed before the kernel had them. */
  lost: number;
  /** Received by a SUB socket that did not ask for them. */
  unwanted: number;
}
