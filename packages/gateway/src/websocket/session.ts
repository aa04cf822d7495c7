import {
  type Client,
  decodeClosePayload,
  decodeUtf8,
  type HttpExchange,
  Opcode,
  type WebSocketHandshake,
  type WebSocketMessage,
} from '@m2/core';
import { checkFrame } from './check-frame.js';
import type { Inflated } from './deflate.js';
import { Message } from './message.js';
import type { ResolvedWebSocketOptions } from './options.js';
import type { Peer } from './peer.js';
import type { WebSocketStats } from './stats.js';

/** What a session needs of its handler. None of these may throw. */
export interface SessionHost<Context> {
  readonly options: ResolvedWebSocketOptions;
  readonly counters: WebSocketStats;
  message(peer: Peer<Context>, message: Message): void;
}

/** What comes from one client, in order: from its handshake on, frames are checked, inflated and handed over. */
export class Session<Context> {
  /** Once the handshake was accepted. */
  peer: Peer<Context> | undefined;
  /** Until then. */
  exchange: HttpExchange | undefined;
  private waiting: WebSocketMessage[] = [];
  private waitingBytes = 0;
  /** Frames wait: for the handshake's answer, or for the message before them. */
  private held = true;

  constructor(
    private readonly host: SessionHost<Context>,
    readonly client: Client,
    readonly handshake: WebSocketHandshake,
    exchange: HttpExchange,
  ) {
    this.exchange = exchange;
  }

  /** The handshake was accepted, and the hooks know the peer. */
  release(): void {
    this.exchange = undefined;
    this.held = false;
    while (!this.held) {
      const message = this.waiting.shift();
      if (message === undefined) return;
      this.waitingBytes -= message.size;
      this.process(message);
    }
  }

  /** A frame came. */
  frame(message: WebSocketMessage): void {
    if (this.peer !== undefined) this.peer.quietRounds = 0;
    if (!this.held) return this.process(message);
    // The size of the whole message: many empty frames take memory too.
    this.waitingBytes += message.size;
    message.detach();
    this.waiting.push(message);
    if (this.waitingBytes > this.host.options.maxQueuedBytes) this.overrun();
  }

  /** Forgets what waits. */
  drop(): void {
    this.waiting = [];
    this.waitingBytes = 0;
  }

  private overrun(): void {
    this.drop();
    // 1013, "try again later": what came is no offence, only more than can be kept.
    if (this.peer !== undefined) return this.peer.fail(1013, 'more messages than can be kept while one is inflated');
    this.host.counters.violations++;
    this.host.counters.refused++;
    this.exchange?.shed();
  }

  private process(message: WebSocketMessage): void {
    const peer = this.peer as Peer<Context>;
    if (peer.readyState === 3) return;
    if (peer.readyState === 2 && message.opcode !== Opcode.close) {
      this.host.counters.ignored++;
      return;
    }
    const { flags, body } = message;
    const fault = checkFrame(flags, body.length, peer.windowBits > 0);
    if (fault !== undefined) return peer.fail(1002, fault);
    switch (message.opcode) {
      case Opcode.close:
        return this.close(peer, body);
      case Opcode.ping:
        return peer.pong(body);
      case Opcode.pong:
        // Whether it was asked for or not, that it came is all there is to know (RFC 6455 section 5.5.3).
        return;
      default:
        if ((flags & 0x40) !== 0) this.inflate(peer, message);
        else this.data(peer, message);
    }
  }

  private close(peer: Peer<Context>, body: Uint8Array): void {
    const payload = decodeClosePayload(body);
    if (payload.valid) peer.closeReceived(payload.code, payload.reason);
    else peer.fail(payload.failWith, payload.problem);
  }

  private data(peer: Peer<Context>, message: WebSocketMessage): void {
    if (message.body.length > this.host.options.maxPayload) return this.tooLong(peer);
    if (message.opcode === Opcode.text) return this.text(peer, message.body);
    // The app may keep it.
    message.detach();
    this.host.message(peer, new Message(message.body));
  }

  private text(peer: Peer<Context>, bytes: Uint8Array): void {
    const text = decodeUtf8(bytes);
    if (text === undefined) return peer.fail(1007, 'a text message is not UTF-8');
    this.host.message(peer, new Message(text));
  }

  private tooLong(peer: Peer<Context>): void {
    peer.fail(1009, `a message has more than ${this.host.options.maxPayload} bytes`);
  }

  private inflate(peer: Peer<Context>, message: WebSocketMessage): void {
    const { deflate, maxPayload } = this.host.options;
    const result = deflate?.inflate(message.body, maxPayload) ?? 'invalid';
    if (!(result instanceof Promise)) return this.inflated(peer, message.opcode, result);
    this.held = true;
    void result.then(
      (done) => this.inflatedLater(peer, message.opcode, done),
      () => this.inflatedLater(peer, message.opcode, 'invalid'),
    );
  }

  private inflatedLater(peer: Peer<Context>, opcode: number, result: Inflated): void {
    // A peer that began to close meanwhile gets no more messages, as if it had come now.
    if (peer.readyState === 1) this.inflated(peer, opcode, result);
    else this.host.counters.ignored++;
    this.release();
  }

  private inflated(peer: Peer<Context>, opcode: number, result: Inflated): void {
    if (result === 'too-large') return this.tooLong(peer);
    if (result === 'invalid') return peer.fail(1007, 'a compressed message cannot be inflated');
    if (opcode === Opcode.text) return this.text(peer, result);
    // A few bytes must not keep the whole buffer that they were inflated into.
    const pinned = result.buffer.byteLength > 2 * result.length;
    this.host.message(peer, new Message(pinned ? new Uint8Array(result) : result));
  }
}
