import {
  decodeReply,
  encodeNotice,
  encodeRequest,
  type HeaderProtocol,
  type Logger,
  type M2Error,
  type Notice,
  type PeerLink,
  type PeerReceiver,
  type RequestFields,
  type ServerReply,
} from '@m2/core';
import type { FrontStats } from './stats.js';

/** How long a bad reply holds up the replies behind it, in milliseconds (protocol 4). */
const STALL_MS = 100;
/** What may wait behind it; SUB's own queue has such a bound in Mongrel2. */
const STALLED_MESSAGES = 10_000;
const STALLED_BYTES = 256 * 1024 * 1024;

/** Who applies a handler's replies to its clients. */
export interface ReplySink {
  apply(reply: ServerReply, from: HandlerSocket): void;
  /** Closes connections at once, as Mongrel2 does when an extended reply makes no sense. */
  drop(ids: readonly number[]): void;
}

/** One handler of Mongrel2's configuration: its pair of sockets, and what it does to bad replies. */
export class HandlerSocket implements PeerReceiver {
  private peer: PeerLink | undefined;
  private stalled: Uint8Array[] | undefined;
  private stalledBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private swallowNext = false;

  constructor(
    readonly sendIdent: string,
    readonly protocol: HeaderProtocol,
    private readonly maxTargets: number,
    private readonly sink: ReplySink,
    private readonly stats: FrontStats,
    private readonly logger: Logger,
  ) {}

  /** Gives it its sockets. */
  attach(peer: PeerLink): void {
    this.peer = peer;
  }

  /** Sends a message to one of the connected handlers. False: too many wait, and it was not taken. */
  send(fields: Omit<RequestFields, 'server'>): boolean {
    return this.give(encodeRequest({ server: this.sendIdent, ...fields }, this.protocol), 'messages');
  }

  /** Sends a notice. */
  notify(id: number, notice: Notice): void {
    this.give(encodeNotice(this.sendIdent, id, notice, this.protocol), 'notices');
  }

  /** Replies as they come from the SUB socket. */
  replies(batch: readonly Uint8Array[]): void {
    for (const message of batch) {
      if (this.stalled === undefined) this.read(message);
      else if (this.stalled.length < STALLED_MESSAGES && this.stalledBytes + message.length <= STALLED_BYTES) {
        this.stalled.push(message);
        this.stalledBytes += message.length;
      } else this.stats.lostReplies++;
    }
  }

  /** Closes the sockets at once. */
  async close(): Promise<void> {
    clearTimeout(this.timer);
    this.stalled = [];
    await this.peer?.close();
  }

  private give(message: Uint8Array, counter: 'messages' | 'notices'): boolean {
    const taken = this.peer?.send(message) ?? false;
    this.stats[taken ? counter : 'undelivered']++;
    return taken;
  }

  private read(message: Uint8Array): void {
    const reply = decodeReply(message, { targets: this.maxTargets });
    if (reply instanceof Error) {
      this.refuse(reply);
      return;
    }
    if (this.swallowNext && reply.kind !== 'control') {
      this.swallowNext = false;
      this.stats.swallowed++;
      this.logger.error('Mongrel2 would swallow this reply: its X flag is still set by a malformed one.', { ids: reply.ids });
      return;
    }
    this.swallowNext = false;
    this.stats.replies++;
    this.sink.apply(reply, this);
  }

  private refuse(error: M2Error): void {
    const { effect, stickyX, ids } = error.details;
    this.stats.badReplies++;
    if (stickyX === true) this.swallowNext = true;
    this.logger.error(error.message, { ...error.details, sendIdent: this.sendIdent });
    if (effect === 'close' && Array.isArray(ids)) this.sink.drop(ids as number[]);
    if (effect === 'stall' || effect === undefined) this.stall();
  }

  private stall(): void {
    this.stalled = [];
    this.timer = setTimeout(() => {
      const waiting = this.stalled ?? [];
      this.stalled = undefined;
      this.stalledBytes = 0;
      this.replies(waiting);
    }, STALL_MS);
    this.timer.unref();
  }
}
