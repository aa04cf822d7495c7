import type { M2Error } from '@m2/core';
import type { ZmtpConnection } from './connection.js';

/** One connected peer of a socket, and what the socket knows of it. */
export interface Peer {
  readonly connection: ZmtpConnection;
  /** How a ROUTER addresses it: the peer's own identity, or one made up. */
  readonly identity: Buffer;
  /** Prefixes that it subscribed to, as latin1 texts with how often. */
  readonly subscriptions: Map<string, number>;
}

/** What a socket tells its owner. None of these may throw. */
export interface SocketEvents {
  /** Messages of one read, each a list of frames; from a ROUTER the first one is the peer's identity. */
  messages(batch: readonly Uint8Array[][]): void;
  /** Peers connected now; called when one comes or goes. */
  peers?(count: number): void;
  /** A peer was cut off or could not be connected; the socket goes on. */
  trouble?(cause: M2Error): void;
  /** There is room for more after `send` said `false`. */
  drained?(): void;
  /** XPUB only: a peer subscribed to a prefix, or withdrew it. */
  subscription?(subscribe: boolean, prefix: Uint8Array): void;
}

/** Whether a publisher sends a message that begins with `first` to this peer. */
export function isSubscribed(peer: Peer, first: Uint8Array): boolean {
  for (const prefix of peer.subscriptions.keys()) {
    if (prefix === '' || startsWith(first, prefix)) return true;
  }
  return false;
}

function startsWith(bytes: Uint8Array, prefix: string): boolean {
  if (bytes.length < prefix.length) return false;
  for (let at = 0; at < prefix.length; at++) if (bytes[at] !== prefix.charCodeAt(at)) return false;
  return true;
}
