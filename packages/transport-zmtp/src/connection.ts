import type { Socket } from 'node:net';
import { M2Error } from '@m2/core';
import {
  type Command,
  checkPeerType,
  decodeCommand,
  decodeErrorReason,
  decodeMetadata,
  encodeError,
  encodePong,
  encodeReady,
  type SocketType,
} from './commands.js';
import { FrameDecoder, type FrameSink } from './frame-decoder.js';
import { checkGreeting, decodeGreeting, encodeGreeting, GREETING_BYTES } from './greeting.js';
import { COMMAND_BYTES, PONG_BACKLOG_BYTES, type ZmtpLimits } from './limits.js';
import { Outgoing } from './outgoing.js';

/** Silence on a connection after which the kernel asks whether the peer is still there, in milliseconds. */
const TCP_KEEPALIVE_MS = 30_000;

/** How long an ended connection waits for the peer to end its side, once everything is with the kernel. Milliseconds. */
const PEER_END_MS = 250;

/** How long what was taken may still go out to a peer that has ended its side, in milliseconds. */
const LAST_WORDS_MS = 2000;

/** What a connection tells its owner. None of these may throw, but for an `M2Error` from `ready` and `subscription`: it cuts the peer off. */
export interface ConnectionOwner {
  /** The handshake is done; `identity` is the peer's, empty for most. */
  ready(connection: ZmtpConnection, identity: Buffer): void;
  /**
   * Whole messages of one read, their frames one after the other. `sizes` are the numbers of frames of each message, and
   * undefined when every message is one frame.
   */
  messages(connection: ZmtpConnection, frames: Buffer[], sizes: number[] | undefined): void;
  /** The peer subscribes to a prefix, or withdraws it. */
  subscription(connection: ZmtpConnection, subscribe: boolean, prefix: Buffer): void;
  /** The kernel has taken so many more messages. */
  written(connection: ZmtpConnection, messages: number): void;
  /** It is over; `cause` is undefined when the peer ended it in order. Called once. What was taken before still goes out then, unless it is destroyed. */
  ended(connection: ZmtpConnection, cause: M2Error | undefined): void;
}

/** One TCP or ipc connection that speaks ZMTP 3 with the NULL mechanism, for either side. The socket allows half-open connections. */
export class ZmtpConnection implements FrameSink {
  readonly outgoing: Outgoing;
  /** Minor version of ZMTP 3 that both speak. */
  minor = 0;
  isReady = false;

  private state: 'greeting' | 'handshake' | 'traffic' | 'over' = 'greeting';
  private greeting = Buffer.alloc(0);
  private readonly decoder: FrameDecoder;
  private frames: Buffer[] = [];
  private sizes: number[] | undefined;
  private parts: Buffer[] = [];
  private partBytes = 0;
  private held = false;
  /** The peer's end came while held. */
  private endHeld = false;
  private readonly publishes: boolean;
  private readonly receives: boolean;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly socket: Socket,
    private readonly type: SocketType,
    private readonly limits: ZmtpLimits,
    private readonly owner: ConnectionOwner,
    private readonly identity: Buffer = Buffer.alloc(0),
  ) {
    this.publishes = type === 'PUB' || type === 'XPUB';
    this.receives = type !== 'PUSH';
    this.decoder = new FrameDecoder(limits);
    this.outgoing = new Outgoing(socket, (messages) => owner.written(this, messages));
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
    socket.on('data', (chunk: Buffer) => this.data(chunk));
    socket.on('error', (error: Error) =>
      this.end(new M2Error('M2_LINK_DOWN', `The connection failed: ${error.message}.`, { cause: error })),
    );
    socket.on('end', () => this.peerEnded());
    socket.on('close', () => this.peerEnded());
    this.timer = setTimeout(() => this.fail(handshakeTimeout(limits.handshakeMs)), limits.handshakeMs);
    this.timer.unref();
    socket.write(encodeGreeting());
  }

  /** Sends one message of one frame. */
  send(head: string, data: string | Uint8Array): void {
    this.outgoing.frame(head, data, false);
  }

  /** Sends one message of several frames. */
  sendParts(parts: readonly Uint8Array[]): void {
    for (let at = 0; at < parts.length; at++) this.outgoing.frame('', parts[at] as Uint8Array, at < parts.length - 1);
  }

  /** Reads on, but keeps what comes until `release()`. */
  hold(): void {
    this.held = true;
    this.socket.pause();
  }

  /** Hands over what was held. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    this.deliver();
    if (this.endHeld) this.peerEnded();
    else if (this.state !== 'over') this.socket.resume();
  }

  /**
   * Says that nothing more will be sent and reads on: the owner gets what is on its way, and then `ended`. Ends with an error
   * after `quietMs` in which nothing came. False when the peer cannot have sent anything yet; then it is for the owner to destroy it.
   */
  halfClose(quietMs: number): boolean {
    if (this.state === 'greeting' || this.state === 'over') return false;
    this.outgoing.flush();
    this.socket.end();
    this.socket.setTimeout(quietMs, () =>
      this.fail(new M2Error('M2_LINK_DOWN', `The peer did not end its side within ${quietMs} ms of the last byte.`)),
    );
    return true;
  }

  /** Cuts the connection; `cause` reaches the owner. Idempotent. */
  fail(cause: M2Error): void {
    if (this.state === 'over') return;
    const telling = cause.code === 'M2_PEER_TYPE' && this.socket.writable;
    this.silence();
    // The peer's log then says why, too.
    if (telling) this.outgoing.raw(encodeError(cause.message));
    if (telling) void this.finish(PEER_END_MS);
    else this.socket.destroy();
    this.owner.ended(this, cause);
  }

  /** Cuts the connection without telling the owner. Idempotent. */
  destroy(): void {
    this.silence();
    this.socket.destroy();
  }

  /**
   * Ends in order without telling the owner: what was taken goes out, then both sides close; after `ms` it is cut off. Resolves
   * when it is closed. Never rejects.
   */
  finish(ms: number): Promise<void> {
    this.silence();
    const { socket } = this;
    if (socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const cut = () => socket.destroy();
      let timer = setTimeout(cut, ms);
      // Closing with unread bytes would make the kernel drop what it has not sent: so the peer's end is waited for, a little.
      socket.once('finish', () => {
        clearTimeout(timer);
        timer = setTimeout(cut, Math.min(ms, PEER_END_MS));
      });
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.outgoing.flush();
      socket.end();
      socket.resume();
    });
  }

  // --- FrameSink ----------------------------------------------------------------------------------------------------

  frame(body: Buffer, more: boolean): void {
    if (this.state !== 'traffic') throw new M2Error('M2_PEER_PROTOCOL', 'The peer sent a message before its READY command.');
    if (!this.receives)
      throw new M2Error('M2_PEER_PROTOCOL', `The peer sent a message to a ${this.type} socket, which takes none.`);
    if (!more && this.parts.length === 0) {
      if (this.publishes) this.subscriptionMessage(body);
      else {
        this.frames.push(body);
        this.sizes?.push(1);
      }
      return;
    }
    this.parts.push(body);
    this.partBytes += body.length;
    if (this.parts.length > this.limits.messageFrames || this.partBytes > this.limits.messageBytes) {
      throw new M2Error(
        'M2_LIMIT_EXCEEDED',
        `The peer's message has over ${this.limits.messageFrames} frames or ${this.limits.messageBytes} bytes.`,
      );
    }
    if (!more) this.wholeMessage();
  }

  command(body: Buffer): void {
    const command = decodeCommand(body);
    if (this.state === 'handshake') this.handshake(command);
    else if (this.state === 'traffic') this.control(command);
  }

  // --- inbound ------------------------------------------------------------------------------------------------------

  private data(chunk: Buffer): void {
    if (this.state === 'over') return;
    try {
      if (this.state === 'greeting') this.greet(chunk);
      else this.decoder.push(chunk, this);
    } catch (error) {
      if (!M2Error.is(error)) throw error;
      this.deliver();
      this.fail(error);
      return;
    }
    this.deliver();
  }

  private deliver(): void {
    if (this.frames.length === 0 || this.held || this.state === 'over') return;
    const { frames, sizes } = this;
    this.frames = [];
    this.sizes = undefined;
    this.owner.messages(this, frames, sizes);
  }

  private wholeMessage(): void {
    const { parts, frames } = this;
    this.parts = [];
    this.partBytes = 0;
    if (this.publishes) return;
    this.sizes ??= new Array<number>(frames.length).fill(1);
    this.sizes.push(parts.length);
    for (const part of parts) frames.push(part);
  }

  private greet(chunk: Buffer): void {
    this.greeting = Buffer.concat([this.greeting, chunk]);
    if (this.greeting.length < GREETING_BYTES) return checkGreeting(this.greeting);
    const rest = this.greeting.subarray(GREETING_BYTES);
    const { minor } = decodeGreeting(this.greeting.subarray(0, GREETING_BYTES));
    this.greeting = Buffer.alloc(0);
    this.minor = Math.min(minor, 1);
    this.state = 'handshake';
    this.outgoing.raw(encodeReady(this.type, this.identity));
    this.outgoing.flush();
    if (rest.length > 0) this.decoder.push(rest, this);
  }

  private handshake({ name, data }: Command): void {
    if (name === 'ERROR') {
      throw new M2Error(
        'M2_PEER_REFUSED',
        `The peer refused this ${this.type} socket: ${decodeErrorReason(data) || 'no reason given'}.`,
      );
    }
    if (name !== 'READY') throw new M2Error('M2_PEER_PROTOCOL', `The peer sent ${JSON.stringify(name)} where READY belongs.`);
    const metadata = decodeMetadata(data);
    checkPeerType(this.type, metadata.get('socket-type')?.toString('latin1') ?? '');
    clearTimeout(this.timer);
    this.state = 'traffic';
    this.isReady = true;
    this.owner.ready(this, metadata.get('identity') ?? Buffer.alloc(0));
  }

  private control({ name, data }: Command): void {
    if (name === 'PING') {
      if (this.outgoing.pendingBytes <= PONG_BACKLOG_BYTES) this.outgoing.raw(encodePong(data));
    } else if (this.publishes && (name === 'SUBSCRIBE' || name === 'CANCEL')) {
      this.owner.subscription(this, name === 'SUBSCRIBE', Buffer.from(data));
    } else if (name === 'ERROR') {
      throw new M2Error('M2_PEER_REFUSED', `The peer ended the connection: ${decodeErrorReason(data) || 'no reason given'}.`);
    }
    // Other commands are to be ignored (RFC 37); PONG needs no answer.
  }

  /** A subscription in the way of ZMTP 3.0: 1 or 0, and the prefix. What else a subscriber says to a publisher is not for us. */
  private subscriptionMessage(body: Buffer): void {
    const first = body[0];
    if (first !== 1 && first !== 0) return;
    if (body.length > COMMAND_BYTES)
      throw new M2Error('M2_LIMIT_EXCEEDED', `The peer subscribes to a prefix of over ${COMMAND_BYTES} bytes.`);
    this.owner.subscription(this, first === 1, Buffer.from(body.subarray(1)));
  }

  // --- its end ------------------------------------------------------------------------------------------------------

  private howEnded(): M2Error | undefined {
    if (!this.isReady) return new M2Error('M2_LINK_DOWN', 'The connection ended before the ZMTP handshake was done.');
    if (!this.decoder.idle || this.parts.length > 0) return new M2Error('M2_LINK_DOWN', 'The connection ended within a message.');
    return undefined;
  }

  private peerEnded(): void {
    if (this.state === 'over') return;
    // A paused stream emits 'end' all the same, when nothing is left to read.
    this.endHeld = this.held;
    if (this.held) return;
    const cause = this.howEnded();
    this.end(cause);
    // The peer may still read, and what was taken for it is its own.
    if (this.outgoing.pendingBytes > 0) void this.finish(LAST_WORDS_MS);
    else this.socket.destroy();
  }

  private end(cause: M2Error | undefined): void {
    if (this.state === 'over') return;
    this.silence();
    this.owner.ended(this, cause);
  }

  private silence(): void {
    this.state = 'over';
    this.isReady = false;
    this.parts = [];
    this.frames = [];
    clearTimeout(this.timer);
  }
}

const handshakeTimeout = (ms: number) =>
  new M2Error(
    'M2_PEER_PROTOCOL',
    `The peer did not finish the ZMTP handshake within ${ms} ms: it is no ZeroMQ socket, or it hangs.`,
  );
