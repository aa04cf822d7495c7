import type { WebSocketHandshake } from '@m2/core';
import type { Message } from './message.js';
import type { WebSocketOptions } from './options.js';
import type { Peer } from './peer.js';

/** What a handshake says beyond its Request. */
export interface UpgradeInfo {
  /** The client's IP address as Mongrel2 saw it, or as the proxies of the option `trustProxy` say. */
  readonly remoteAddress: string;
  /** The subprotocols that the client offers, the one it likes best first. */
  readonly protocols: readonly string[];
  /** The message as it came from Mongrel2. */
  readonly message: WebSocketHandshake;
}

/** How a handshake is accepted. */
export interface Acceptance<Context> {
  /** Headers that go out with the 101, such as Set-Cookie. Those of the handshake itself are m2's own. */
  readonly headers?: HeadersInit;
  /** The subprotocol, one of those offered. Default: the first of the option `protocols` that was offered; else none. */
  readonly protocol?: string;
  /** What {@link Peer.context} is to be. Default: an empty object. */
  readonly context?: Context;
}

/** What `upgrade` may return: nothing or an acceptance accepts; a Response refuses and is what the client gets. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook without a return statement accepts
export type UpgradeAnswer<Context> = Acceptance<Context> | Response | undefined | void;

/** How a connection ended. */
export interface CloseDetails {
  /**
   * The code of the client's close frame, 1005 when it had none; the code of m2's own when m2 failed the connection; 1006 when
   * the connection went away without a close frame (RFC 6455 section 7.1.5).
   */
  readonly code: number;
  readonly reason: string;
  /** Both sides sent a close frame. */
  readonly wasClean: boolean;
}

/**
 * What an app does with WebSocket connections, all of it optional. Hooks of one peer are called in order: `open` once, then
 * messages, `close` once. A hook that returns a promise is not waited for (`upgrade` is), so await in `upgrade` what messages
 * need. What a hook throws, or rejects with, goes to `error`, else to the log, and the peer is closed with 1011.
 */
export interface WebSocketHooks<Context = Record<string, unknown>> {
  /**
   * Decides on a handshake that was found valid. Frames that come before the answer wait. What it throws is logged and
   * answered with 500, but a Response that it throws is as good as one that it returns.
   */
  upgrade?(request: Request, info: UpgradeInfo): UpgradeAnswer<Context> | PromiseLike<UpgradeAnswer<Context>>;
  /** The connection is open; nothing was received yet. */
  open?(peer: Peer<Context>): unknown;
  /** A whole text or binary message, checked and inflated. */
  message?(peer: Peer<Context>, message: Message): unknown;
  /** After `send` returned false: there is room again. */
  drain?(peer: Peer<Context>): unknown;
  /** The connection is over. Exactly once for each peer that was opened, however it ended. */
  close?(peer: Peer<Context>, details: CloseDetails): unknown;
  /**
   * A hook failed, or the client broke the protocol or a limit (an M2Error `M2_WEBSOCKET_FAILED` whose `details.closeCode` says
   * with which code it was closed). Without this hook the former are logged; the latter are only counted, since any client
   * can cause them.
   */
  error?(peer: Peer<Context>, error: unknown): unknown;
}

/** Hooks together with their settings. */
export interface WebSocketDefinition<Context = Record<string, unknown>> {
  readonly hooks: WebSocketHooks<Context>;
  readonly options: WebSocketOptions;
}

/** Hooks and their settings as one value, for an app module to export; also gives hooks their types in plain JavaScript. */
export const defineWebSocket = <Context = Record<string, unknown>>(
  hooks: WebSocketHooks<Context>,
  options: WebSocketOptions = {},
): WebSocketDefinition<Context> => ({ hooks, options });

/** True for what {@link defineWebSocket} made. */
export const isWebSocketDefinition = <Context>(
  value: WebSocketHooks<Context> | WebSocketDefinition<Context>,
): value is WebSocketDefinition<Context> => 'hooks' in value && typeof value.hooks === 'object';
