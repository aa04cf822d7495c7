import { Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { M2Error } from '@m2/core';
import { describeValue } from '../app-failure.js';
import { isClass } from './app-kind.js';
import type { LocalAddress } from './node-socket.js';

/** A `(req, res)` listener: what `http.createServer` takes, an Express or Connect app, Koa's `callback()`. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A Koa app. */
export interface KoaLike {
  callback(): NodeListener;
}

/** A Fastify app. */
export interface FastifyLike {
  ready(): PromiseLike<unknown>;
  routing: NodeListener;
  readonly server: unknown;
  close(): PromiseLike<unknown>;
}

/** An app with a method that takes requests: Express and Connect (`handle`), Polka (`handler`). */
export type ListenerObject = { handle: NodeListener } | { handler: NodeListener };

/** What `nodeHandler` runs. An `http.Server` is given its events as if it listened; it need not. */
export type NodeApp = NodeListener | HttpServer | HttpsServer | KoaLike | FastifyLike | ListenerObject;

/** An app, ready to be given requests by way of a server's events. */
export interface AppServer {
  readonly server: HttpServer;
  /** Resolves when it takes requests; undefined when it does already. */
  readonly ready: PromiseLike<unknown> | undefined;
  readonly close: (() => PromiseLike<unknown>) | undefined;
}

/** @throws M2Error `M2_OPTION_INVALID` for what is no app. */
export function toServer(app: NodeApp, local: LocalAddress): AppServer {
  if (app instanceof HttpServer || app instanceof HttpsServer)
    return { server: app as HttpServer, ready: undefined, close: undefined };
  if (isFastify(app)) {
    // Its own server has what plugins listen for, upgrades above all.
    const server = app.server instanceof HttpServer ? app.server : new UnboundServer(app.routing, local);
    return { server, ready: app.ready(), close: () => app.close() };
  }
  return { server: new UnboundServer(toListener(app), local), ready: undefined, close: undefined };
}

/** The function that takes an app's requests. */
function toListener(app: unknown): NodeListener {
  const methods = (app ?? {}) as Partial<Record<'callback' | 'use' | 'handle' | 'handler', unknown>>;
  if (typeof methods.callback === 'function' && typeof methods.use === 'function') return (app as KoaLike).callback();
  if (typeof app === 'function' && !isClass(app)) return app as NodeListener;
  for (const name of ['handle', 'handler'] as const) {
    const method = methods[name];
    if (typeof method === 'function') return (request, response) => method.call(app, request, response) as unknown;
  }
  throw new M2Error(
    'M2_OPTION_INVALID',
    `nodeHandler was given ${describeValue(app)}, which is no (req, res) app: give it a listener, an Express, Connect, Polka, Koa ` +
      'or Fastify app, or an http.Server.',
  );
}

const isFastify = (app: NodeApp): app is FastifyLike => {
  const methods = (app ?? {}) as Partial<Record<keyof FastifyLike, unknown>>;
  return typeof methods.ready === 'function' && typeof methods.routing === 'function';
};

/** A server for apps that have none: sockets name it, and it says where it would listen. */
class UnboundServer extends HttpServer {
  readonly #local: LocalAddress;

  constructor(listener: NodeListener, local: LocalAddress) {
    super(listener);
    this.#local = local;
  }

  override address(): AddressInfo {
    const { address = '127.0.0.1', port = 80 } = this.#local;
    return { address, port, family: address.includes(':') ? 'IPv6' : 'IPv4' };
  }
}
