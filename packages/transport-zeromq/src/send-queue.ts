import { afterTick, concatBytes, type LinkCounters, latin1Bytes, type Reply } from '@m2/core';
import { within } from './connection-monitor.js';
import type { ZeromqWritable } from './zeromq-api.js';

/** Replies are joined into one call up to so many bytes, so that the socket's high-water mark bounds bytes too. */
const CALL_BYTES = 128 * 1024;

/** How long to wait before a socket at its high-water mark is tried again: at first, and at most. Milliseconds. */
const RETRY_MIN_MS = 1;
const RETRY_MAX_MS = 8;

/** The array of waiting replies is cut when so many at its front are gone. */
const COMPACT_AFTER = 4096;

/** What a {@link SendQueue} is made with. */
export interface SendQueueOptions {
  /** Hard cap of waiting bytes. */
  readonly capBytes: number;
  /** Send the replies of one tick as the parts of one message. */
  readonly join: boolean;
  /** Where sent, overflowed and lost replies are counted. */
  readonly counters: LinkCounters;
  /** The socket failed for another reason than a full queue. */
  readonly failed: (error: unknown) => void;
}

/**
 * The one send queue of a publisher, and of one epoch: it ends with the epoch, so nothing in it can reach the next one.
 * Bounded in bytes; what the socket does not take for now (`noDrop`: it says `EAGAIN`) waits here.
 */
export class SendQueue {
  /**
   * What the server subscribed to. ZeroMQ filters a message by its first part alone, so a reply that does not begin with
   * it is sent by itself: at the head of a joined message it would take all the others down with it.
   */
  prefix = '';
  private replies: Reply[] = [];
  /** Where in `replies` the first waiting one is. */
  private at = 0;
  private bytes = 0;
  private scheduled = false;
  private busy = false;
  private ended = false;
  private retryMs = RETRY_MIN_MS;
  private retry: ReturnType<typeof setTimeout> | undefined;
  /** The call that is under way or to be tried again, and what it takes off the queue. */
  private parts: Uint8Array[] = [];
  private partBytes = 0;
  private drainWaiters: (() => void)[] = [];
  private emptyWaiters: (() => void)[] = [];

  constructor(
    private readonly socket: ZeromqWritable,
    private readonly options: SendQueueOptions,
  ) {}

  /** Queues a reply for the end of this tick. `false`: wait for `drained()`, or it was refused and counted. */
  push(reply: Reply): boolean {
    const { capBytes, counters } = this.options;
    const size = reply.head.length + reply.data.length;
    if (this.ended) {
      counters.lost++;
      return false;
    }
    // A single reply above the cap is in memory anyway; it passes when nothing else waits.
    if (this.bytes > 0 && this.bytes + size > capBytes) {
      counters.overflowed++;
      return false;
    }
    this.bytes += size;
    this.replies.push(reply);
    if (!this.scheduled && !this.busy) {
      this.scheduled = true;
      afterTick(this.flush);
    }
    return this.bytes <= capBytes / 2;
  }

  /** Resolves when at most a quarter of the cap waits, or the queue has ended. */
  drained(): Promise<void> {
    if (this.belowLowMark()) return Promise.resolve();
    return new Promise((resolve) => this.drainWaiters.push(resolve));
  }

  /** Resolves when everything was handed to the socket, the queue has ended, or `ms` are over. */
  async emptied(ms: number): Promise<void> {
    if (this.ended || this.bytes === 0) return;
    await within(ms, new Promise<void>((resolve) => this.emptyWaiters.push(resolve)));
  }

  /** Drops and counts what waits; nothing is sent or taken from here on. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.retry);
    this.options.counters.lost += this.replies.length - this.at + this.parts.length;
    this.replies = [];
    this.at = 0;
    this.parts = [];
    this.bytes = 0;
    this.wake();
  }

  private belowLowMark(): boolean {
    return this.ended || this.bytes <= this.options.capBytes / 4;
  }

  private readonly flush = (): void => {
    this.scheduled = false;
    if (this.ended || this.busy) return;
    if (this.parts.length === 0) this.take();
    if (this.parts.length > 0) this.hand();
  };

  /** Moves as many replies as one call carries from the queue into `parts`. */
  private take(): void {
    const { replies } = this;
    do {
      const reply = replies[this.at];
      if (reply === undefined) break;
      const subscribed = reply.head.startsWith(this.prefix);
      if (!subscribed && this.parts.length > 0) break;
      this.at++;
      this.partBytes += reply.head.length + reply.data.length;
      this.parts.push(encode(reply));
      if (!subscribed) break;
    } while (this.options.join && this.partBytes < CALL_BYTES);
    if (this.at === replies.length) {
      this.replies = [];
      this.at = 0;
    } else if (this.at >= COMPACT_AFTER) {
      this.replies = replies.slice(this.at);
      this.at = 0;
    }
  }

  private hand(): void {
    this.busy = true;
    let sent: Promise<void>;
    try {
      sent = this.socket.send(this.parts.length === 1 ? (this.parts[0] as Uint8Array) : this.parts);
    } catch (error) {
      this.options.failed(error);
      return;
    }
    sent.then(this.taken, this.refused);
  }

  private readonly taken = (): void => {
    if (this.ended) return;
    this.options.counters.sent += this.parts.length;
    this.bytes -= this.partBytes;
    this.partBytes = 0;
    this.parts = [];
    this.retryMs = RETRY_MIN_MS;
    this.busy = false;
    this.wake();
    this.flush();
  };

  private readonly refused = (error: unknown): void => {
    if (this.ended) return;
    if ((error as { code?: unknown }).code !== 'EAGAIN') return this.options.failed(error);
    // A publisher is always "writable": nothing tells when the peer has read, so the clock has to.
    this.retry = setTimeout(this.again, this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS);
  };

  private readonly again = (): void => {
    this.busy = false;
    this.flush();
  };

  private wake(): void {
    if (this.drainWaiters.length > 0 && this.belowLowMark()) {
      const waiters = this.drainWaiters;
      this.drainWaiters = [];
      for (const resolve of waiters) resolve();
    }
    if (this.emptyWaiters.length > 0 && this.bytes === 0) {
      const waiters = this.emptyWaiters;
      this.emptyWaiters = [];
      for (const resolve of waiters) resolve();
    }
  }
}

/** The bytes of one whole reply message. */
function encode(reply: Reply): Uint8Array {
  const { head, data } = reply;
  if (typeof data === 'string') return latin1Bytes(head + data);
  return concatBytes([latin1Bytes(head), data]);
}
