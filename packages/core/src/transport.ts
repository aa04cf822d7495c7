import type { M2Error } from './errors.js';
import type { Logger } from './logger.js';
import type { SocketSpec } from './socket-spec.js';

/**
 * One encoded reply, ready for the socket: `head` and then `data` are the bytes of one whole message. Strings are
 * latin1, one character a byte. Made only by `wire/outbound`, which cannot make a message that hurts Mongrel2.
 */
export interface Reply {
  /** The incarnation of the server that the request came from; a link refuses any other. */
  readonly epoch: number;
  /** `UUID LEN:IDS, ` and, most of the time, an HTTP head. */
  readonly head: string;
  readonly data: string | Uint8Array;
}

/** What a transport can do. Capabilities are the only way to skip a conformance case. */
export interface TransportCapabilities {
  /** Protocols of the addresses it takes, without `://`: `tcp`, `ipc`, `memory`. */
  readonly protocols: readonly string[];
  /** It notices that the server went away and reports `down`. */
  readonly detectsDown: boolean;
  /** `shutdown()` hands over every message that the server had put on the wire before it saw the end. */
  readonly losslessShutdown: boolean;
}

/** What a link is opened with. */
export interface LinkSpec {
  /** What Mongrel2 sends to and the link receives from (protocol 1). */
  readonly sendSpec: SocketSpec;
  /** Where Mongrel2 receives replies. */
  readonly recvSpec: SocketSpec;
  /** Hard cap of bytes waiting to be sent; past it `send` refuses. Default 64 MiB. */
  readonly sendQueueBytes: number;
  /** How long `close()` may take to flush, in milliseconds. Default 2,000. */
  readonly lingerMs: number;
  readonly logger: Logger;
}

/** What a link tells its owner. None of these may throw. */
export interface LinkReceiver {
  /** Whole messages, as many as one read brought. Their bytes belong to the receiver; the transport never reuses them. */
  messages(batch: readonly Uint8Array[], epoch: number): void;
  /** The reply path works: the server's subscription (`subscription`, a byte prefix of replies) was seen. Never after a sleep. */
  up(epoch: number, subscription: Uint8Array): void;
  /** The server went away: whatever belongs to this epoch is void. Once per `up`. */
  down(epoch: number, cause: M2Error): void;
}

/** One PULL/PUB pair to one Mongrel2 server, or one DEALER to a dispatcher. Both sockets are one incarnation. */
export interface Link {
  /**
   * Sends now or queues. `true`: go on. `false`: queued, but wait for `drained()` before more. Past the hard cap, or
   * when the reply's epoch is not the link's, it is refused: `refused` counts it and `false` comes back. Never throws.
   */
  send(reply: Reply): boolean;
  /** Resolves when the send queue is below its low mark (a quarter of the cap), or the link is closed. */
  drained(): Promise<void>;
  /** Takes no more requests; resolves when all that had arrived was handed over. Replies still go out. Idempotent. */
  shutdown(): Promise<void>;
  /** Flushes up to the linger time, then closes. Idempotent, safe at any time. */
  close(): Promise<void>;
  /** What became of replies, since the link was opened. */
  readonly counters: Readonly<LinkCounters>;
}

/** Counts of one link; they only grow. */
export interface LinkCounters {
  /** Messages handed to the receiver. */
  received: number;
  /** Replies handed to the socket. */
  sent: number;
  /** Replies refused because of their epoch: the server they were for is gone. */
  stale: number;
  /** Replies refused because the queue was at its hard cap. */
  overflowed: number;
  /** Replies that were queued and could not be sent any more (the server went away, or linger ended). */
  lost: number;
}

/** Opens links. One implementation per ZeroMQ library or medium. */
export interface Transport {
  readonly name: string;
  readonly capabilities: TransportCapabilities;
  /**
   * Resolves once the sockets are set up, whether Mongrel2 is there or not; rejects with `M2_SPEC_INVALID`,
   * `M2_SOCKET_FAILED`, or when aborted with the signal's reason. Reconnects by itself until closed.
   */
  open(spec: LinkSpec, receiver: LinkReceiver, signal?: AbortSignal): Promise<Link>;
}

/** Where a peer link binds. Port 0 (or `*`) takes a free one. */
export interface PeerSpec {
  /** What the peer sends requests on (Mongrel2's `send_spec`): a PUSH socket is bound. */
  readonly sendSpec: string;
  /** Where it takes replies (Mongrel2's `recv_spec`): a SUB socket is bound. */
  readonly recvSpec: string;
  /** What SUB subscribes to; the empty string takes every reply. */
  readonly recvIdent: string;
  readonly logger?: Logger;
}

/** What a peer link tells its owner. None of these may throw. */
export interface PeerReceiver {
  /** Whole reply messages, in order. Their bytes belong to the receiver. */
  replies(batch: readonly Uint8Array[]): void;
}

/** Mongrel2's side of a link: for the front, the scripted Mongrel2 and tests. */
export interface PeerLink {
  /** The address really bound, with the port filled in. */
  readonly sendSpec: string;
  readonly recvSpec: string;
  /** Sends one whole message to one connected handler, round-robin; queues while none is connected. `false`: the queue is full, nothing was taken. */
  send(message: Uint8Array): boolean;
  /** Closes at once, like Mongrel2 (its linger is 0). Idempotent. */
  close(): Promise<void>;
}

/** Binds peer links; every transport that has a server's side implements it. */
export interface PeerTransport {
  readonly name: string;
  bind(spec: PeerSpec, receiver: PeerReceiver): Promise<PeerLink>;
}
