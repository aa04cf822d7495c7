import { type Client, encodeClosePayload, frameHeader, M2Error, Opcode, utf8Bytes, type WebSocketHandshake } from '@m2/core';
import { encodeMessage, type Sendable } from './encode-message.js';
import type { Pulse } from './heartbeat.js';
import type { CloseDetails } from './hooks.js';
import type { ResolvedWebSocketOptions } from './options.js';
import type { WebSocketStats } from './stats.js';
import type { Subscriber, Topics } from './topics.js';

/** Settings of one message. */
export interface SendOptions {
  /** `false`: not even when the client takes compressed messages and it is long enough. Default true. */
  readonly compress?: boolean;
}

/** Settings of a message to a topic. */
export interface PublishOptions extends SendOptions {
  /** The peer that publishes gets it too, if it subscribed. Default false. */
  readonly includeSelf?: boolean;
}

/** What a peer needs of its handler. None of these may throw. @internal */
export interface PeerHost<Context> {
  readonly options: ResolvedWebSocketOptions;
  readonly counters: WebSocketStats;
  readonly topics: Topics;
  readonly wantsDrain: boolean;
  publish(topic: string, data: Sendable, options: SendOptions, except?: Subscriber): number;
  requestOf(message: WebSocketHandshake): Request;
  /** The close handshake has begun, and has to end in time. */
  closing(peer: Peer<Context>): void;
  /** It is over. */
  closed(peer: Peer<Context>, details: CloseDetails): void;
  drained(peer: Peer<Context>): void;
  failed(peer: Peer<Context>, error: M2Error): void;
}

/** What the handshake led to. @internal */
export interface PeerParts<Context> {
  readonly client: Client;
  readonly message: WebSocketHandshake;
  readonly protocol: string;
  /** 0: no compression. */
  readonly windowBits: number;
  readonly context: Context;
}

const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** It was cut off, or just went away (RFC 6455 section 7.1.5). */
const ABNORMAL: CloseDetails = Object.freeze({ code: 1006, reason: '', wasClean: false });
const NO_TOPICS: ReadonlySet<string> = new Set();

/** One WebSocket connection. */
export class Peer<Context = Record<string, unknown>> implements Subscriber, Pulse {
  /** Server, incarnation and connection of Mongrel2: no other peer of this handler ever has the same. */
  readonly id: string;
  /** What `upgrade` gave as context, else an empty object: for whatever the app wants to keep with the peer. */
  context: Context;
  /** The subprotocol that was agreed on; empty for none. */
  readonly protocol: string;
  /** @internal */
  readonly client: Client;
  /** @internal */
  readonly windowBits: number;
  /** @internal */
  quietRounds = 0;

  readonly #host: PeerHost<Context>;
  readonly #message: WebSocketHandshake;
  #state: 1 | 2 | 3 = OPEN;
  #details: CloseDetails | undefined;
  #topics: Set<string> | undefined;
  #request: Request | undefined;
  #waiting = false;

  /** @internal */
  constructor(host: PeerHost<Context>, parts: PeerParts<Context>) {
    const { client, message, protocol, windowBits, context } = parts;
    this.#host = host;
    this.#message = message;
    this.id = `${client.server}/${client.epoch}/${client.id}`;
    this.client = client;
    this.protocol = protocol;
    this.windowBits = windowBits;
    this.context = context;
    client.onGone = () => this.#gone();
  }

  /** The client's IP address as Mongrel2 saw it, or as the proxies of the option `trustProxy` say. */
  get remoteAddress(): string {
    return this.#host.options.identify(this.#message).remoteAddress;
  }

  /** The handshake. */
  get request(): Request {
    this.#request ??= this.#host.requestOf(this.#message);
    return this.#request;
  }

  /** The extensions that were agreed on: `permessage-deflate`, or empty. */
  get extensions(): string {
    return this.windowBits > 0 ? 'permessage-deflate' : '';
  }

  /** 1 open, 2 closing, 3 closed: the numbers of the web's WebSocket. */
  get readyState(): 1 | 2 | 3 {
    return this.#state;
  }

  /** Bytes that wait here for the client. */
  get bufferedAmount(): number {
    return this.client.bufferedAmount;
  }

  /** The topics that it subscribed to; none once it is not open. */
  get topics(): ReadonlySet<string> {
    return this.#topics ?? NO_TOPICS;
  }

  /**
   * Sends a message: text for a string, else binary. `true`: go on. `false`: wait for the hook `drain`; or the peer is not open
   * any more, and nothing was sent. A client for which more than the connection's `clientQueueBytes` wait is cut off.
   */
  send(data: Sendable, options: SendOptions = {}): boolean {
    const { counters, options: settings } = this.#host;
    if (this.#state !== OPEN) {
      counters.unsent++;
      return false;
    }
    counters.sent++;
    const { head, payload } = encodeMessage(data, options.compress === false ? 0 : this.windowBits, settings);
    const goOn = this.client.send(payload, head);
    if (!goOn) this.#waitForRoom();
    return goOn;
  }

  /**
   * Begins the close handshake; from now on messages of the client are dropped. The hook `close` comes when it is over, or after
   * `closeTimeoutMs`. Does nothing when it has begun.
   * @throws M2Error `M2_BAD_REPLY` for a code that must not be sent, or a reason of more than 123 bytes of UTF-8.
   */
  close(code = 1000, reason = ''): void {
    const payload = encodeClosePayload(code, reason);
    if (this.#state !== OPEN) return;
    this.#state = CLOSING;
    this.#leaveTopics();
    this.client.send(payload, frameHeader(Opcode.close, payload.length));
    this.#host.closing(this);
  }

  /** Cuts the connection off at once, and drops what waits for the client. */
  terminate(): void {
    this.client.cancel();
  }

  /**
   * Sends a ping. Clients answer by themselves, which nothing reports; quiet ones are pinged anyway, see `heartbeatMs`.
   * Returns as {@link send} does.
   * @throws M2Error `M2_BAD_REPLY` for more than 125 bytes.
   */
  ping(data: string | Uint8Array = ''): boolean {
    const payload = typeof data === 'string' ? utf8Bytes(data) : data;
    const head = frameHeader(Opcode.ping, payload.length);
    return this.#state === OPEN && this.client.send(payload, head);
  }

  /** From now on gets what is published under `topic`. */
  subscribe(topic: string): void {
    if (this.#state !== OPEN) return;
    this.#topics ??= new Set();
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    this.#host.topics.add(topic, this);
  }

  unsubscribe(topic: string): void {
    if (this.#topics?.delete(topic)) this.#host.topics.delete(topic, this);
  }

  /** Sends a message to all that subscribed to `topic`, in few messages to Mongrel2. Returns how many peers that were. */
  publish(topic: string, data: Sendable, options: PublishOptions = {}): number {
    return this.#host.publish(topic, data, options, options.includeSelf === true ? undefined : this);
  }

  // --- what the client sends ----------------------------------------------------------------------------------------

  /** Answers a ping; of an open peer only. @internal */
  pong(payload: Uint8Array): void {
    this.client.send(payload, frameHeader(Opcode.pong, payload.length));
  }

  /** The client's close frame: answered, or the answer (RFC 6455 section 5.5.1). @internal */
  closeReceived(code: number, reason: string): void {
    this.#details = { code, reason, wasClean: true };
    if (this.#state === OPEN) this.#sendLastFrame(code === 1005 ? encodeClosePayload() : encodeClosePayload(code));
    this.client.close();
  }

  /** The client broke a rule: tells it and closes (RFC 6455 section 7.1.7). @internal */
  fail(code: number, problem: string): void {
    this.#host.counters.violations++;
    this.#details = { code, reason: problem, wasClean: false };
    if (this.#state === OPEN) this.#sendLastFrame(encodeClosePayload(code, problem));
    this.#host.failed(
      this,
      new M2Error('M2_WEBSOCKET_FAILED', `The WebSocket ${this.id} was closed with ${code}: ${problem}.`, {
        details: { peer: this.id, remoteAddress: this.remoteAddress, closeCode: code },
      }),
    );
    this.client.close();
  }

  /** Someone else sends the close frame, to many at once. @internal */
  closeWithOthers(): void {
    this.#state = CLOSING;
    this.#leaveTopics();
  }

  #sendLastFrame(payload: Uint8Array): void {
    this.#state = CLOSING;
    this.#leaveTopics();
    this.client.send(payload, frameHeader(Opcode.close, payload.length));
    // What waits before it may never be read.
    this.#host.closing(this);
  }

  #leaveTopics(): void {
    for (const topic of this.#topics ?? NO_TOPICS) this.#host.topics.delete(topic, this);
    this.#topics = undefined;
  }

  #waitForRoom(): void {
    if (this.#waiting || !this.#host.wantsDrain) return;
    this.#waiting = true;
    void this.client.drained().then(() => {
      this.#waiting = false;
      if (this.#state === OPEN) this.#host.drained(this);
    });
  }

  #gone(): void {
    this.#state = CLOSED;
    this.#leaveTopics();
    this.#host.closed(this, this.#details ?? ABNORMAL);
  }
}

/** The code to answer a hook's failure with. */
export const INTERNAL_ERROR = 1011;
