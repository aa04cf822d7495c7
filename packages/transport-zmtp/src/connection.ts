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
import type { ZmtpLimits } from './limits.js';
import { Outgoing } from './outgoing.js';

/** What a connection tells its owner. None of these may throw. */
export interface ConnectionOwner {
  /** The handshake is done; `identity` is the peer's, empty for most. */
  ready(connection: ZmtpConnection, identity: Buffer): void;
  /** Messages of one read, each a list of frames. */
  messages(connection: ZmtpConnection, batch: Buffer[][]): void;
  /** The peer subscribes to a prefix, or withdraws it. */
  subscription(connection: ZmtpConnection, subscribe: boolean, prefix: Buffer): void;
  /** Something was written to the kernel. */
  written(connection: ZmtpConnection): void;
  /** It is over; `cause` is undefined when the peer closed in order. Called once. */
  ended(connection: ZmtpConnection, cause: M2Error | undefined): void;
}

/** One TCP or ipc connection that speaks ZMTP 3 with the NULL mechanism, for either side. */
export class ZmtpConnection implements FrameSink {
  readonly outgoing: Outgoing;
  /** Minor version of ZMTP 3 that both speak. */
  minor = 0;
  isReady = false;

  private state: 'greeting' | 'handshake' | 'traffic' | 'over' = 'greeting';
  private greeting = Buffer.alloc(0);
  private readonly decoder: FrameDecoder;
  private batch: Buffer[][] = [];
  private parts: Buffer[] = [];
  private partBytes = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly socket: Socket,
    private readonly type: SocketType,
    private readonly limits: ZmtpLimits,
    private readonly owner: ConnectionOwner,
    private readonly identity: Buffer = Buffer.alloc(0),
  ) {
    this.decoder = new FrameDecoder(limits);
    this.outgoing = new Outgoing(socket, () => owner.written(this));
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.data(chunk));
    socket.on('error', (error: Error) => this.end(new M2Error('M2_LINK_DOWN', `The connection failed: ${error.message}.`, { cause: error })));
    socket.on('end', () => this.end(this.decoder.idle && this.parts.length === 0 ? undefined : cutOff()));
    socket.on('close', () => this.end(this.decoder.idle && this.parts.length === 0 ? undefined : cutOff()));
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

  /** Cuts the connection; `cause` reaches the owner. Idempotent. */
  fail(cause: M2Error): void {
    if (this.state === 'over') return;
    // The peer's log then says why, too.
    if (cause.code === 'M2_PEER_TYPE') this.socket.end(encodeError(cause.message));
    this.end(cause);
  }

  /** Ends the connection without telling the owner; what was given to the kernel still goes out. Idempotent. */
  destroy(): void {
    this.state = 'over';
    this.isReady = false;
    clearTimeout(this.timer);
    // An ended socket closes by itself once its last bytes are out.
    if (this.socket.writableEnded && !this.socket.readableEnded) this.socket.destroySoon();
    else this.socket.destroy();
  }

  // --- FrameSink ----------------------------------------------------------------------------------------------------

  frame(body: Buffer, more: boolean): void {
    if (this.state !== 'traffic') throw new M2Error('M2_PEER_PROTOCOL', 'The peer sent a message before its READY command.');
    if (!more && this.parts.length === 0) {
      if (this.isPublisher) this.subscriptionMessage(body);
      else this.batch.push([body]);
      return;
    }
    this.parts.push(body);
    this.partBytes += body.length;
    if (this.parts.length > this.limits.messageFrames || this.partBytes > this.limits.messageBytes) {
      throw new M2Error('M2_LIMIT_EXCEEDED', `The peer's message has over ${this.limits.messageFrames} frames or ${this.limits.messageBytes} bytes.`);
    }
    if (more) return;
    if (!this.isPublisher) this.batch.push(this.parts);
    this.parts = [];
    this.partBytes = 0;
  }

  command(body: Buffer): void {
    const command = decodeCommand(body);
    if (this.state === 'handshake') this.handshake(command);
    else this.control(command);
  }

  // --- inbound ------------------------------------------------------------------------------------------------------

  private data(chunk: Buffer): void {
    if (this.state === 'over') return;
    try {
      if (this.state === 'greeting') this.greet(chunk);
      else this.decoder.push(chunk, this);
    } catch (error) {
      this.deliver();
      this.fail(M2Error.is(error) ? error : new M2Error('M2_PEER_PROTOCOL', 'The peer sent what could not be read.', { cause: error }));
      return;
    }
    this.deliver();
  }

  private deliver(): void {
    if (this.batch.length === 0) return;
    const batch = this.batch;
    this.batch = [];
    this.owner.messages(this, batch);
  }

  private greet(chunk: Buffer): void {
    this.greeting = Buffer.concat([this.greeting, chunk]);
    if (this.greeting.length < GREETING_BYTES) return checkGreeting(this.greeting);
    const rest = this.greeting.subarray(GREETING_BYTES);
    const { minor } = decodeGreeting(this.greeting.subarray(0, GREETING_BYTES));
    this.minor = Math.min(minor, 1);
    this.state = 'handshake';
    this.outgoing.raw(encodeReady(this.type, this.identity));
    this.outgoing.flush();
    if (rest.length > 0) this.decoder.push(rest, this);
  }

  private handshake({ name, data }: Command): void {
    if (name === 'ERROR') {
      throw new M2Error('M2_PEER_REFUSED', `The peer refused this ${this.type} socket: ${decodeErrorReason(data) || 'no reason given'}.`);
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
    if (name === 'PING') this.outgoing.raw(encodePong(data));
    else if (this.isPublisher && (name === 'SUBSCRIBE' || name === 'CANCEL')) {
      this.owner.subscription(this, name === 'SUBSCRIBE', Buffer.from(data));
    } else if (name === 'ERROR') {
      throw new M2Error('M2_PEER_REFUSED', `The peer ended the connection: ${decodeErrorReason(data)}.`);
    }
    // Other commands are to be ignored (RFC 37); PONG needs no answer.
  }

  /** A subscription in the way of ZMTP 3.0: 1 or 0, and the prefix. */
  private subscriptionMessage(body: Buffer): void {
    const first = body[0];
    if (first === 1 || first === 0) this.owner.subscription(this, first === 1, Buffer.from(body.subarray(1)));
  }

  private get isPublisher(): boolean {
    return this.type === 'XPUB' || this.type === 'PUB';
  }

  private end(cause: M2Error | undefined): void {
    if (this.state === 'over') return;
    this.destroy();
    this.owner.ended(this, cause);
  }
}

const cutOff = () => new M2Error('M2_LINK_DOWN', 'The connection ended within a message.');

const handshakeTimeout = (ms: number) =>
  new M2Error('M2_PEER_PROTOCOL', `The peer did not finish the ZMTP handshake within ${ms} ms: it is no ZeroMQ socket, or it hangs.`);
