import type { HeaderProtocol, Logger, PeerTransport } from '@m2/core';
import type { FrontSettings } from './settings.js';
import type { FrontStats } from './stats.js';

/** One handler of the front, in the names of Mongrel2's configuration. Every field has a default. */
export interface FrontHandlerOptions {
  /** The routes that lead to it: prefixes of paths, the longest match wins. Default '/'. */
  readonly path?: string | readonly string[];
  /** Where requests are sent from: a PUSH socket is bound. Default 'tcp://127.0.0.1:*', a free port. */
  readonly sendSpec?: string;
  /** Where replies are received: a SUB socket is bound. Default 'tcp://127.0.0.1:*', a free port. */
  readonly recvSpec?: string;
  /** The first word of every message: letters, digits and '-'. Default: a random UUID. */
  readonly sendIdent?: string;
  /** What SUB subscribes to, a byte prefix of replies. Default: `sendIdent` and a blank, so that only replies to this front arrive. */
  readonly recvIdent?: string;
  /** How headers are written. Default 'json', as in Mongrel2. */
  readonly protocol?: HeaderProtocol;
}

/** Options of `startFront`. Every field has a default. */
export interface FrontOptions {
  /** The address to listen on for HTTP. Default '127.0.0.1'. */
  readonly host?: string;
  /** The port to listen on. Default 0: a free one. */
  readonly port?: number;
  /** Binds the handlers' sockets. Default: `zeromqTransport()` of `@m2/transport-zeromq`; `memoryTransport()` of `@m2/core` keeps all in one process. */
  readonly transport?: PeerTransport;
  /** One handler, or several. Default: one for all paths. */
  readonly handlers?: FrontHandlerOptions | readonly FrontHandlerOptions[];
  /** Mongrel2's settings. */
  readonly settings?: FrontSettings;
  /** Default: silent. */
  readonly logger?: Logger;
}

/** A handler's sockets as they were bound. */
export interface FrontHandler {
  /** What the handler connects its PULL socket to. */
  readonly sendSpec: string;
  /** What the handler connects its PUB socket to. */
  readonly recvSpec: string;
  readonly sendIdent: string;
  readonly recvIdent: string;
  readonly protocol: HeaderProtocol;
  /** The routes that lead to it. */
  readonly paths: readonly string[];
}

/** A running front. */
export interface Front {
  /** Where clients reach it, such as `http://127.0.0.1:43210`. */
  readonly url: string;
  /** The port that it listens on. */
  readonly port: number;
  /** In the order of the options. */
  readonly handlers: readonly FrontHandler[];
  /** What happened so far. */
  readonly stats: Readonly<FrontStats>;
  /** Stops listening, closes all clients and sockets, and removes the files of unfinished uploads. Handlers get disconnect notices if they read on. Idempotent. */
  close(): Promise<void>;
}
