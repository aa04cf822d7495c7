import {
  type Client,
  type Clock,
  type Handler,
  HttpExchange,
  type HttpRequest,
  type Logger,
  type M2Request,
  silentLogger,
  systemClock,
} from '@m2/core';
import type { FetchApp, FetchFunction, FetchHandlerOptions } from './app.js';
import { appThrew } from './app-failure.js';
import { type IdentityResolver, identityResolver } from './client-identity.js';
import { ExchangeInfo } from './fetch-info.js';
import { lightRequest, lightRequestsPass } from './light-request.js';
import { composeMiddleware } from './middleware/compose.js';
import { PendingWork } from './pending-work.js';
import { type Refusal, refuse } from './refusal.js';
import { checkRequest } from './request-checks.js';
import { type ResolvedRequestLimits, resolveRequestLimits } from './request-limits.js';
import { bodyKindOf, type ExchangeLike, realRequest } from './request-source.js';
import { RequestTargets } from './request-target.js';
import { ResponseSender } from './response-sender.js';
import { ResponseStreams } from './response-streams.js';
import { withWebSocket } from './websocket/with-websocket.js';

/**
 * A handler that runs a fetch app: a function `(request, info) => Response`, or an object with such a `fetch` method.
 * @throws M2Error `M2_OPTION_INVALID` for something else than an app, a bad root path, limit, proxy or middleware.
 */
export const fetchHandler = (app: FetchApp, options: FetchHandlerOptions = {}): Handler =>
  withWebSocket(new FetchHandler(app, options), options.websocket, options);

/** Grace time when the server closes without having said so before, in milliseconds. */
const DEFAULT_GRACE_MS = 30_000;

const NO_WEBSOCKETS: Refusal = { status: 426, text: 'This app takes no WebSocket connections.', close: true };

class FetchHandler implements Handler {
  readonly work: PendingWork;
  readonly rootPath: string;
  private readonly call: FetchFunction;
  private readonly logger: Logger;
  private readonly clock: Clock;
  private readonly limits: ResolvedRequestLimits;
  private readonly identify: IdentityResolver | undefined;
  private readonly targets: RequestTargets;
  private readonly streams: ResponseStreams;
  private readonly sender: ResponseSender;
  private readonly toRequest: (url: string, source: ExchangeLike) => Request;
  private readonly told = new Set<string>();
  private deadline: number | undefined;

  constructor(app: FetchApp, options: FetchHandlerOptions) {
    this.call = composeMiddleware(options.middleware ?? [], app);
    this.logger = options.logger ?? silentLogger;
    this.clock = options.clock ?? systemClock;
    this.limits = resolveRequestLimits(options.limits);
    this.identify = identityResolver(options.trustProxy);
    this.targets = new RequestTargets(options.rootPath);
    this.rootPath = this.targets.rootPath;
    this.work = new PendingWork(this.clock, this.logger);
    this.streams = new ResponseStreams(this.clock);
    this.sender = new ResponseSender(options.name === undefined ? 'The app' : `The app ${options.name}`, this.streams);
    const kind = options.requests ?? 'auto';
    const light = kind === 'light' || (kind === 'auto' && lightRequestsPass());
    this.toRequest = light ? lightRequest : (url, source) => realRequest(url, source, bodyKindOf(source));
  }

  handle(message: M2Request, client: Client): void | Promise<void> {
    switch (message.kind) {
      case 'http':
        return this.request(message, client);
      case 'websocket-handshake':
        return refuse(new HttpExchange(message, client), NO_WEBSOCKETS);
      case 'json-socket':
      case 'xml-socket':
        this.tellOnce(
          message.kind,
          `A message came from ${message.kind === 'json-socket' ? 'a JSON' : 'an XML'} socket for ${message.path}. Fetch apps cannot answer those; its connection was closed.`,
        );
        return client.close();
      default:
        // Frames, upload parts and notices belong to exchanges, or to nobody here.
        return;
    }
  }

  stopping(graceMs: number): void {
    this.deadline = this.clock.now() + graceMs;
    this.streams.stopping(graceMs);
  }

  async close(): Promise<void> {
    this.streams.close();
    await this.work.settled(this.deadline ?? this.clock.now() + DEFAULT_GRACE_MS);
  }

  private request(message: HttpRequest, client: Client): void | Promise<void> {
    const exchange = new HttpExchange(message, client);
    const refusal = checkRequest(message, exchange, this.limits);
    if (refusal !== undefined) return this.refuse(exchange, refusal);
    const identity = this.identify?.(message);
    const url = this.targets.url(message, identity);
    if (typeof url !== 'string') return this.refuse(exchange, url);
    const info = new ExchangeInfo(exchange, this, identity);
    let result: unknown;
    try {
      result = this.call(this.toRequest(url, exchange), info, info);
    } catch (error) {
      throw appThrew(this.sender.place(exchange), error);
    }
    if (result instanceof Promise || isThenable(result)) return this.answerLater(exchange, result);
    return this.sender.send(exchange, result);
  }

  private async answerLater(exchange: HttpExchange, promise: PromiseLike<unknown>): Promise<void> {
    let value: unknown;
    try {
      value = await promise;
    } catch (error) {
      // An app that gives up because its client has gone does as it should.
      if (exchange.ended && exchange.aborted !== undefined) return;
      throw appThrew(this.sender.place(exchange), error);
    }
    await this.sender.send(exchange, value);
  }

  private refuse(exchange: HttpExchange, refusal: Refusal): void {
    if (refusal.status === 413) {
      this.tellOnce(
        'stored',
        `${exchange.request.method} ${exchange.request.path}: Mongrel2 stored the request's body in a file, and m2 was not told where ` +
          'such files are, so it answered 413. Start with --upload-dir=DIR, the folder of upload.temp_store as this host sees it, or set ' +
          'upload.stream=1 in Mongrel2.',
      );
    }
    refuse(exchange, refusal);
  }

  /** Some lines any client could provoke at will: once is enough to know. */
  private tellOnce(topic: string, line: string): void {
    if (this.told.has(topic)) return;
    this.told.add(topic);
    this.logger.warn(line);
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
