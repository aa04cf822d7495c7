import type { Connection } from './connection/connection.js';
import type { Handler } from './handler.js';
import type { Logger } from './logger.js';
import type { ServeCounters } from './serve/counters.js';

/** A handler here, or (for backends that run it elsewhere) a module whose export is `(options) => Handler`. */
export type HandlerSource =
  | { readonly handler: Handler }
  | { readonly module: URL; readonly export?: string; readonly options?: unknown };

/** What a backend can do. Capabilities are the only way to skip a conformance case. */
export interface BackendCapabilities {
  /** Takes `{ handler }`: runs a handler object in this thread. */
  readonly inProcess: boolean;
  /** Takes `{ module }`: loads the handler where it runs it. */
  readonly modules: boolean;
  /** Its servers have `reload()`. */
  readonly reload: boolean;
}

/** How requests are taken and how the server stops. Every field has a default. */
export interface ServeOptions {
  readonly logger?: Logger;
  /** How many requests may be open at once; what comes beyond waits in the queue. Default 1,000. */
  readonly maxInFlight?: number;
  /** How many bytes of waiting requests are kept; beyond it the request is shed with 503. Default 64 MiB. */
  readonly maxQueueBytes?: number;
  /** How long `stop()` lets open requests finish, in milliseconds. Default 30,000. */
  readonly graceMs?: number;
  /**
   * How long a request may take to the first byte of its answer, in milliseconds; then it is answered 504. 0: no limit. Default
   * 60,000. What had its first byte, such as a stream or a long poll that was flushed, and WebSockets may take any time.
   */
  readonly requestTimeoutMs?: number;
  /** Told of the one end of every request. */
  readonly ended?: EndedObserver;
}

/** How a request ended: exactly one of these. ARCHITECTURE.md "The promise". */
export type Outcome = 'replied' | 'clientGone' | 'shed' | 'workerDied' | 'timedOut';

/** Told of each request's end: the server's UUID, the epoch, the connection id, how it ended, and whether its reply was cut short. */
export type EndedObserver = (server: string, epoch: number, id: number, outcome: Outcome, truncated: boolean) => void;

/** What `stats()` returns: counts since the start, and what is open now. */
export interface ServerStats {
  readonly counters: Readonly<ServeCounters>;
  /** Requests open now. */
  readonly inFlight: number;
  /** Requests waiting for a place. */
  readonly queued: number;
  /** Bytes of the waiting requests. */
  readonly queuedBytes: number;
  /** One entry per Mongrel2 server. */
  readonly links: readonly LinkStats[];
}

/** The state of one Mongrel2 server's link. */
export interface LinkStats {
  readonly sendSpec: string;
  readonly recvSpec: string;
  /** The subscription was seen and the server has not gone since. */
  readonly up: boolean;
  /** Counts incarnations of the server, from 1 at the first `up`; 0 before. */
  readonly epoch: number;
  /** What the server subscribed to, as latin1 text; undefined before the first `up`. */
  readonly subscription: string | undefined;
  readonly flowControl: 'unknown' | 'on' | 'off';
  readonly received: number;
  readonly sent: number;
  readonly stale: number;
  readonly overflowed: number;
  readonly lost: number;
}

/** A running handler. */
export interface Server {
  /** Resolves when the reply path to every server works; rejects when stopped before, or when it cannot start. */
  readonly ready: Promise<void>;
  /** Resolves when everything is closed. Never rejects. */
  readonly closed: Promise<void>;
  stats(): ServerStats;
  /** New code takes over without loss; only where the backend's capabilities say so. */
  reload?(): Promise<void>;
  /**
   * Finishes what is open, up to the grace time, then closes. Resolves to what did not finish: 0 is a clean stop.
   * Idempotent; a second call with a shorter grace time shortens it (0 forces).
   */
  stop(options?: { graceMs?: number }): Promise<{ unfinished: number }>;
}

/** Runs a handler until it is stopped. */
export interface Backend {
  readonly name: string;
  readonly capabilities: BackendCapabilities;
  /** Opens the connection and serves. Rejects when the connection's addresses cannot be used. */
  serve(source: HandlerSource, connection: Connection, options: ServeOptions): Promise<Server>;
}
