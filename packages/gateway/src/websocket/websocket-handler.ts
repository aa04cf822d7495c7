import {
  type Client,
  concatBytes,
  deliver,
  encodeClosePayload,
  encodeFrame,
  type Handler,
  HttpExchange,
  latin1Bytes,
  type M2Error,
  type M2Request,
  Opcode,
  type WebSocketHandshake,
} from '@m2/core';
import { refusal, refuse } from '../refusal.js';
import { ResponseSender } from '../response-sender.js';
import { ResponseStreams } from '../response-streams.js';
import { type Accepted, accept } from './accept.js';
import { Deadlines } from './deadlines.js';
import { encodeMessage, type Sendable } from './encode-message.js';
import { checkHandshake, type HandshakeRefusal, type Offer } from './handshake.js';
import { HandshakeRequests } from './handshake-request.js';
import { Heartbeat } from './heartbeat.js';
import { HookRunner } from './hook-runner.js';
import {
  type Acceptance,
  type CloseDetails,
  isWebSocketDefinition,
  type UpgradeAnswer,
  type WebSocketDefinition,
  type WebSocketHooks,
} from './hooks.js';
import type { Message } from './message.js';
import { type ResolvedWebSocketOptions, resolveWebSocketOptions, type WebSocketOptions } from './options.js';
import { Peer, type PeerHost, type SendOptions } from './peer.js';
import { Session, type SessionHost } from './session.js';
import { newWebSocketStats, type WebSocketStats } from './stats.js';
import { type Subscriber, Topics } from './topics.js';

/** What runs WebSocket hooks. */
export interface WebSocketHandler<Context = Record<string, unknown>> extends Handler {
  /** Every open peer. */
  readonly peers: Iterable<Peer<Context>>;
  /** Sends a message to all that subscribed to `topic`, as `peer.publish` does. Returns how many peers that were. */
  publish(topic: string, data: Sendable, options?: SendOptions): number;
  /** Counts since it was made. */
  stats(): WebSocketStats;
}

/**
 * A handler for WebSocket connections. Plain requests get 426; to serve both, give the hooks to `fetchHandler` (its option
 * `websocket`), or join handlers with `combineHandlers`. Options given here go before those of {@link defineWebSocket}.
 * @throws M2Error `M2_OPTION_INVALID` for options out of range.
 */
export function webSocketHandler<Context = Record<string, unknown>>(
  hooks: WebSocketHooks<Context> | WebSocketDefinition<Context>,
  options: WebSocketOptions = {},
): WebSocketHandler<Context> {
  if (!isWebSocketDefinition(hooks)) return new HooksHandler(hooks, resolveWebSocketOptions(options));
  return new HooksHandler(hooks.hooks, resolveWebSocketOptions({ ...hooks.options, ...options }));
}

const GOING_AWAY = encodeFrame(Opcode.close, encodeClosePayload(1001));

class HooksHandler<Context> implements WebSocketHandler<Context>, PeerHost<Context>, SessionHost<Context> {
  readonly topics = new Topics();
  readonly wantsDrain: boolean;
  readonly counters = newWebSocketStats();
  private readonly sessions = new Map<Client, Session<Context>>();
  private readonly runner: HookRunner<Context>;
  private readonly deadlines: Deadlines<Peer<Context>>;
  private readonly heartbeat: Heartbeat<Peer<Context>>;
  private readonly requests: HandshakeRequests;
  private readonly streams: ResponseStreams;
  private readonly sender: ResponseSender;
  private isStopping = false;
  private cancelHalfTime: (() => void) | undefined;

  constructor(
    private readonly hooks: WebSocketHooks<Context>,
    readonly options: ResolvedWebSocketOptions,
  ) {
    const { clock } = options;
    this.wantsDrain = hooks.drain !== undefined;
    this.runner = new HookRunner(hooks, this.counters, options.logger);
    this.deadlines = new Deadlines(clock, options.closeTimeoutMs, (peer) => this.cutOff(peer));
    this.heartbeat = new Heartbeat(
      clock,
      options.heartbeatMs,
      () => this.openPeers(),
      (peer) => this.cutOff(peer),
    );
    this.requests = new HandshakeRequests(options);
    this.streams = new ResponseStreams(clock);
    this.sender = new ResponseSender('The WebSocket hook upgrade', this.streams);
  }

  get peers(): Iterable<Peer<Context>> {
    return this.openPeers();
  }

  stats(): WebSocketStats {
    return { ...this.counters, topics: this.topics.size };
  }

  publish(topic: string, data: Sendable, options: SendOptions = {}, except?: Subscriber): number {
    let reached = 0;
    for (const { windowBits, clients } of this.topics.audiences(topic, except)) {
      if (clients.length === 0) continue;
      const { head, payload } = encodeMessage(data, options.compress === false ? 0 : windowBits, this.options);
      const frame = typeof payload === 'string' ? head + payload : concatBytes([latin1Bytes(head), payload]);
      reached += deliver(clients, frame);
    }
    this.counters.sent += reached;
    return reached;
  }

  // --- Handler ------------------------------------------------------------------------------------------------------

  handle(message: M2Request, client: Client): void | Promise<void> {
    switch (message.kind) {
      case 'websocket':
        return this.sessions.get(client)?.frame(message);
      case 'websocket-handshake':
        return this.handshake(message, client);
      case 'http':
        return refuse(new HttpExchange(message, client), refusal(426, true));
      case 'json-socket':
      case 'xml-socket':
        return client.close();
      default:
        // That a client went away it tells its peer itself.
        return;
    }
  }

  stopping(graceMs: number): void {
    this.isStopping = true;
    this.heartbeat.stop();
    this.streams.stopping(graceMs);
    const peers = [...this.openPeers()];
    for (const peer of peers) peer.closeWithOthers();
    deliver(
      peers.map(({ client }) => client),
      GOING_AWAY,
    );
    for (const peer of peers) this.deadlines.add(peer);
    // After half the grace time no more answers are taken in.
    this.cancelHalfTime = this.options.clock.after(graceMs / 2, () => {
      for (const { peer } of [...this.sessions.values()]) if (peer !== undefined) this.cutOff(peer);
    });
  }

  close(): void {
    this.cancelHalfTime?.();
    this.streams.close();
  }

  // --- handshakes ---------------------------------------------------------------------------------------------------

  private handshake(message: WebSocketHandshake, client: Client): void | Promise<void> {
    const exchange = new HttpExchange(message, client);
    if (this.isStopping || this.sessions.size >= this.options.maxPeers) return this.shed(exchange);
    const url = this.requests.url(message);
    if (typeof url !== 'string') return this.refuse(exchange, url);
    const offer = checkHandshake(message, this.options);
    if ('status' in offer) return this.refuse(exchange, offer);
    const session = new Session<Context>(this, client, message, exchange);
    this.sessions.set(client, session);
    this.counters.upgrading++;
    // Until there is a peer, which then hears of it itself.
    client.onGone = () => this.forgetUpgrade(session);
    return this.decide(exchange, session, offer, url);
  }

  private decide(exchange: HttpExchange, session: Session<Context>, offer: Offer, url: string): void | Promise<void> {
    const { hooks } = this;
    if (hooks.upgrade === undefined) return this.answer(exchange, session, offer, undefined);
    const message = session.handshake;
    const info = { remoteAddress: this.options.identify(message).remoteAddress, protocols: offer.protocols, message };
    let answer: UpgradeAnswer<Context> | PromiseLike<UpgradeAnswer<Context>>;
    try {
      answer = hooks.upgrade(this.requests.make(url, exchange, message), info);
    } catch (thrown) {
      if (!isResponse(thrown)) throw this.failedUpgrade(thrown);
      answer = thrown;
    }
    if (!isThenable(answer)) return this.answer(exchange, session, offer, answer);
    return Promise.resolve(answer).then(
      (value) => this.answer(exchange, session, offer, value),
      (thrown: unknown) => {
        if (!isResponse(thrown)) throw this.failedUpgrade(thrown);
        return this.answer(exchange, session, offer, thrown);
      },
    );
  }

  private answer(
    exchange: HttpExchange,
    session: Session<Context>,
    offer: Offer,
    answer: UpgradeAnswer<Context>,
  ): void | Promise<void> {
    // Gone, timed out or overrun meanwhile.
    if (exchange.ended) return;
    if (this.isStopping) return this.shed(exchange);
    if (isResponse(answer)) {
      this.counters.refused++;
      return this.sender.send(exchange, answer);
    }
    const { protocol, windowBits } = this.accept(exchange, session, offer, answer ?? {});
    const { client, handshake } = session;
    handshake.detach();
    this.counters.upgrading--;
    this.counters.opened++;
    this.counters.peers++;
    const context = answer?.context ?? ({} as Context);
    const peer = new Peer<Context>(this, { client, message: handshake, protocol, windowBits, context });
    session.peer = peer;
    this.heartbeat.start();
    this.runner.open(peer);
    session.release();
  }

  private accept(exchange: HttpExchange, { handshake }: Session<Context>, offer: Offer, answer: Acceptance<Context>): Accepted {
    try {
      const accepted = accept(answer, offer, this.options.protocols, `The handshake for ${handshake.path}`);
      exchange.acceptWebSocket(accepted.headers);
      return accepted;
    } catch (error) {
      throw this.failedUpgrade(error);
    }
  }

  /** The server logs it and answers 500. */
  private failedUpgrade(error: unknown): unknown {
    this.counters.hookErrors++;
    this.counters.refused++;
    return error;
  }

  private refuse(exchange: HttpExchange, { status, text, headers = [] }: HandshakeRefusal): void {
    this.counters.refused++;
    exchange.respond(status, [['Content-Type', 'text/plain; charset=utf-8'], ...headers], `${text}\n`);
  }

  private shed(exchange: HttpExchange): void {
    this.counters.refused++;
    exchange.shed();
  }

  private forgetUpgrade(session: Session<Context>): void {
    this.sessions.delete(session.client);
    session.drop();
    this.counters.upgrading--;
  }

  // --- SessionHost --------------------------------------------------------------------------------------------------

  message(peer: Peer<Context>, message: Message): void {
    this.counters.received++;
    this.runner.message(peer, message);
  }

  // --- PeerHost -----------------------------------------------------------------------------------------------------

  requestOf(message: WebSocketHandshake): Request {
    return this.requests.again(message);
  }

  closing(peer: Peer<Context>): void {
    this.deadlines.add(peer);
  }

  closed(peer: Peer<Context>, details: CloseDetails): void {
    this.sessions.get(peer.client)?.drop();
    this.sessions.delete(peer.client);
    this.deadlines.delete(peer);
    this.counters.peers--;
    this.runner.close(peer, details);
  }

  drained(peer: Peer<Context>): void {
    this.runner.drain(peer);
  }

  failed(peer: Peer<Context>, error: M2Error): void {
    this.runner.failed(peer, error);
  }

  // --- time ---------------------------------------------------------------------------------------------------------

  private cutOff(peer: Peer<Context>): void {
    this.counters.silent++;
    peer.terminate();
  }

  private *openPeers(): Iterable<Peer<Context>> {
    for (const { peer } of this.sessions.values()) if (peer?.readyState === 1) yield peer;
  }
}

const isResponse = (value: unknown): value is Response =>
  value instanceof Response || Object.prototype.toString.call(value) === '[object Response]';

const isThenable = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
