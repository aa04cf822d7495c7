import type { Clock, Logger } from '@m2/core';
import type { FetchInfo } from './fetch-info.js';
import type { Middleware } from './middleware/middleware.js';
import type { RequestLimits } from './request-limits.js';
import type { WebSocketPart } from './websocket/with-websocket.js';

/** What an app may return: a Response, or a promise of one. */
export type FetchResult = Response | Promise<Response>;

/**
 * A fetch app as a function. The second argument says what a Request cannot, see {@link FetchInfo}; the third is the same
 * object again, for apps written for `(request, env, context)`, where `context.waitUntil` is looked for.
 */
export type FetchFunction = (request: Request, info: FetchInfo, context: FetchInfo) => FetchResult;

/** A fetch app as an object with a `fetch` method: `export default { fetch }`, a Hono app. */
export interface FetchObject {
  fetch(request: Request, info: FetchInfo, context: FetchInfo): FetchResult;
}

/** What `fetchHandler` runs. */
export type FetchApp = FetchFunction | FetchObject;

/** Settings of `fetchHandler`. Every field has a default. */
export interface FetchHandlerOptions {
  /** How log lines call the app, such as `./app.mjs`. Default: none. */
  readonly name?: string;
  /** Gets a line for what no client may be told and no counter shows. Default: none. Errors of the app go to the server's logger. */
  readonly logger?: Logger;
  /**
   * Where the app is mounted, such as `/shop`: requests for `/shop/cart` reach it as `/cart`, what lies outside is answered
   * 404. Default: the root. `M2_OPTION_INVALID` unless it begins with a slash.
   */
  readonly rootPath?: string;
  /** How long the head of a request may be. */
  readonly limits?: RequestLimits;
  /**
   * Proxies in front of Mongrel2 whose `X-Forwarded-For`, `-Proto` and `-Host` are believed: addresses, ranges such as `10.0.0.0/8`,
   * and `loopback`, `linklocal`, `uniquelocal`. They change the request's URL and `info.remoteAddress`. Mongrel2 has to leave
   * `X-Forwarded-For` alone for it (`no_clobber_xff=1`, protocol 2.1). Default: none.
   */
  readonly trustProxy?: readonly string[];
  /** What goes around the app, the outermost first, as `composeMiddleware` does it. Default: nothing. */
  readonly middleware?: readonly Middleware[];
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /**
   * How Requests are made. `light` ones build headers, signal and body only when they are read; `real` ones are the
   * platform's own and cost several times as much. `auto` (the default) makes light ones where `new Request(request)` takes
   * them (Node 20 and 22), and real ones elsewhere. Set `light` on newer versions when the app never passes its request to
   * `new Request()` or `fetch()`.
   */
  readonly requests?: 'auto' | 'light' | 'real';
  /**
   * What the app does with WebSocket connections: hooks, hooks with settings (`defineWebSocket`), or what `webSocketHandler` made
   * of them, which requests can publish with. Default: it takes none, and answers handshakes 426.
   */
  readonly websocket?: WebSocketPart;
  /** The longest WebSocket message that is taken, in bytes, where `websocket` does not say it itself. Default 1 MiB. */
  readonly maxPayload?: number;
}
