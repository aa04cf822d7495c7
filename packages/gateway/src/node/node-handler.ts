import { AsyncResource } from 'node:async_hooks';
import type { Server } from 'node:http';
import {
  type Client,
  type Handler,
  HttpExchange,
  type HttpRequest,
  type Logger,
  type M2Error,
  type M2Request,
  silentLogger,
  systemClock,
  type WebSocketHandshake,
} from '@m2/core';
import type { FetchHandlerOptions } from '../app.js';
import { appFailure, describeError } from '../app-failure.js';
import { type IdentityResolver, identityResolver } from '../client-identity.js';
import { type Refusal, refuse } from '../refusal.js';
import { type RequestLimits, resolveRequestLimits } from '../request-limits.js';
import { RequestTargets } from '../request-target.js';
import { ResponseStreams } from '../response-streams.js';
import { type WebSocketPart, withWebSocket } from '../websocket/with-websocket.js';
import { type AppServer, type NodeApp, toServer } from './node-app.js';
import { RequestChecks } from './node-checks.js';
import { emitRequest, isThenable } from './node-emit.js';
import { wantsKeepAlive } from './node-keep-alive.js';
import { feedStream, feedWhole, makeRequest } from './node-request.js';
import { type AppResponse, RequestSocket } from './node-request-socket.js';
import { finished, M2ServerResponse } from './node-response.js';
import type { LocalAddress, SocketHost } from './node-socket.js';
import { Upgrades } from './node-upgrades.js';

/** Settings of `nodeHandler`. Every field has a default. */
export interface NodeHandlerOptions extends Pick<FetchHandlerOptions, 'name' | 'logger' | 'clock' | 'rootPath'> {
  /** What sockets say of their own end: `localAddress`, `localPort`, `server.address()`. */
  readonly local?: LocalAddress;
  /**
   * WebSocket hooks, which take all handshakes. Default: handshakes are 'upgrade' events of the app's `http.Server`, and are
   * answered 426 when nothing listens for those.
   */
  readonly websocket?: WebSocketPart;
  /** The longest WebSocket message that the hooks take, in bytes, where they do not say it themselves. Default 1 MiB. */
  readonly maxPayload?: number;
  /** How long the head of a request may be. */
  readonly limits?: RequestLimits;
  /**
   * Proxies in front of Mongrel2 whose `X-Forwarded-For` and `-Proto` are believed, as in `fetchHandler`: they change the socket's
   * `remoteAddress` and `encrypted`. An app that does this itself (Express's `trust proxy`) needs no more than one of the two.
   * Default: none.
   */
  readonly trustProxy?: readonly string[];
  /** How many bytes of WebSocket messages may wait for an app that listens for 'upgrade', per connection. Default 16 MiB. */
  readonly upgradeBufferBytes?: number;
}

/** What runs a `(req, res)` app. */
export interface NodeHandler extends Handler {
  /** Resolves when the app takes requests; those that come before wait. Rejects when the app cannot start. */
  readonly ready: Promise<void>;
  /** The `http.Server` whose events the app gets, for what has to be attached to one: `new WebSocketServer({ server })`. */
  readonly server: Server;
}

const UPGRADE_BUFFER_BYTES = 16 * 1024 * 1024;

/**
 * A handler that runs a `(req, res)` app, unmodified: with Node's own IncomingMessage and ServerResponse, over a Duplex per
 * request. Nothing listens on a port. An app's exception, or the rejection of the promise that it returned, becomes 500.
 * @throws M2Error `M2_OPTION_INVALID` for what is no app, and for a bad root path, limit or proxy.
 */
export function nodeHandler(app: NodeApp, options: NodeHandlerOptions = {}): NodeHandler {
  const handler = new AppHandler(app, options);
  const { websocket } = options;
  if (websocket === undefined) return handler;
  return Object.assign(withWebSocket(handler, websocket, options), {
    ready: handler.ready,
    server: handler.server,
  });
}

class AppHandler implements NodeHandler, SocketHost {
  readonly ready: Promise<void>;
  readonly server: Server;
  readonly local: LocalAddress;
  private readonly app: AppServer;
  private readonly name: string;
  private readonly logger: Logger;
  private readonly targets: RequestTargets;
  readonly streams: ResponseStreams;
  readonly identify: IdentityResolver | undefined;
  private readonly checks: RequestChecks;
  private readonly upgrades: Upgrades;
  private readonly told = new Set<string>();
  private starting: boolean;

  constructor(app: NodeApp, options: NodeHandlerOptions) {
    this.local = options.local ?? {};
    this.app = toServer(app, this.local);
    this.server = this.app.server;
    this.name = options.name === undefined ? 'The app' : `The app ${options.name}`;
    this.logger = options.logger ?? silentLogger;
    this.checks = new RequestChecks(resolveRequestLimits(options.limits));
    this.identify = identityResolver(options.trustProxy);
    this.streams = new ResponseStreams(options.clock ?? systemClock);
    this.targets = new RequestTargets(options.rootPath);
    this.upgrades = new Upgrades(this, options.upgradeBufferBytes ?? UPGRADE_BUFFER_BYTES, this.logger);
    this.starting = this.app.ready !== undefined;
    this.ready = Promise.resolve(this.app.ready).then(() => {
      this.starting = false;
    });
    // Whoever does not wait for it learns of it by the first request.
    this.ready.catch(() => {});
  }

  handle(message: M2Request, client: Client): void | Promise<void> {
    switch (message.kind) {
      case 'http':
        return this.open(message, client);
      case 'websocket-handshake':
        return this.upgrade(message, client);
      case 'websocket':
        return this.upgrades.frame(message, client);
      case 'json-socket':
      case 'xml-socket':
        this.tellOnce(
          message.kind,
          `A message came from ${message.kind === 'json-socket' ? 'a JSON' : 'an XML'} socket for ${message.path}. (req, res) apps cannot answer those; its connection was closed.`,
        );
        return client.close();
      default:
        // Upload parts and notices belong to exchanges.
        return;
    }
  }

  stopping(graceMs: number): void {
    this.streams.stopping(graceMs);
    this.upgrades.stopping();
  }

  async close(): Promise<void> {
    this.streams.close();
    await this.app.close?.();
  }

  /** @internal */
  misframed(message: HttpRequest, error: Error, begun: boolean): void {
    this.logger.error(this.failure(message, error, begun).message, { error });
  }

  private open(message: HttpRequest, client: Client): void | Promise<void> {
    const exchange = new HttpExchange(message, client);
    const refused = this.checks.check(message, exchange);
    if (refused !== undefined) return this.refuse(exchange, refused);
    const { uri } = message;
    const url = this.targets.rootPath === '' || uri === '*' ? uri : this.targets.target(uri);
    if (typeof url !== 'string') return this.refuse(exchange, url);
    if (this.starting) return this.ready.then(() => this.start(message, exchange, url));
    return this.start(message, exchange, url);
  }

  private start(message: HttpRequest, exchange: HttpExchange, url: string): void | Promise<void> {
    if (message.body.length > 0) message.detach();
    const { whole } = exchange.body;
    const socket = new RequestSocket(exchange, message, this);
    const request = makeRequest(message, message.method, url, socket);
    const response = new M2ServerResponse(request, wantsKeepAlive(message)) as unknown as AppResponse;
    socket.attach(request);
    response.assignSocket(socket as never);
    response.on('finish', finished);
    if (whole === undefined) feedStream(request, exchange, socket);
    else feedWhole(request, whole);
    let result: unknown;
    try {
      // Messages come many at a time: what one request enters into its AsyncLocalStorage must not be the next one's.
      result = new AsyncResource('M2REQUEST').runInAsyncScope(emitRequest, undefined, this.server, request, response);
    } catch (error) {
      throw this.failed(message, socket, exchange, error);
    }
    if (whole !== undefined) request.complete = true;
    if (isThenable(result)) return this.follow(result, message, socket, exchange);
  }

  private async follow(
    result: PromiseLike<unknown>,
    message: HttpRequest,
    socket: RequestSocket,
    exchange: HttpExchange,
  ): Promise<void> {
    try {
      await result;
    } catch (error) {
      // An app that gives up because its client has gone does as it should.
      if (exchange.ended && exchange.aborted !== undefined) return;
      throw this.failed(message, socket, exchange, error);
    }
  }

  /** Ends what the app left open when it failed, and makes the error that the server logs. */
  private failed(message: HttpRequest, socket: RequestSocket, exchange: HttpExchange, error: unknown): M2Error {
    const failure = this.failure(message, error, exchange.headSent);
    socket.fail();
    return failure;
  }

  private failure(message: HttpRequest, error: unknown, begun: boolean): M2Error {
    const end = begun ? 'The answer had begun, so it was cut short' : 'The client got 500';
    const place = { app: this.name, method: message.method, path: message.path };
    return appFailure(place, `failed with "${describeError(error)}"`, `Catch it in the app. ${end}.`, error);
  }

  private upgrade(message: WebSocketHandshake, client: Client): void | Promise<void> {
    const exchange = new HttpExchange(message, client);
    const refused = this.checks.head(message);
    if (refused !== undefined) return refuse(exchange, refused);
    const { uri } = message;
    const url = this.targets.rootPath === '' ? uri : this.targets.target(uri);
    if (typeof url !== 'string') return refuse(exchange, { ...url, close: true });
    if (this.starting) return this.ready.then(() => this.upgrades.open(message, exchange, url));
    return this.upgrades.open(message, exchange, url);
  }

  private refuse(exchange: HttpExchange, refused: Refusal): void {
    if (refused.status === 413) {
      this.tellOnce(
        'stored',
        `${exchange.request.method} ${exchange.request.path}: Mongrel2 stored the request's body in a file, and m2 was not told where ` +
          'such files are, so it answered 413. Start with --upload-dir=DIR, the folder of upload.temp_store as this host sees it, or set ' +
          'upload.stream=1 in Mongrel2.',
      );
    }
    refuse(exchange, refused);
  }

  /** Some lines any client could provoke at will: once is enough to know. */
  private tellOnce(topic: string, line: string): void {
    if (this.told.has(topic)) return;
    this.told.add(topic);
    this.logger.warn(line);
  }
}
