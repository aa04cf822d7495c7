import type { LinkCounters, LinkSpec } from '@m2/core';
import { BackOff } from './back-off.js';
import { type ConnectionEnd, ConnectionMonitor, closeSocket } from './connection-monitor.js';
import { Puller } from './puller.js';
import { ReceiveLoop } from './receive-loop.js';
import { SendQueue } from './send-queue.js';
import { publisherOptions, pullerOptions } from './socket-options.js';
import type { ZeromqModule, ZeromqXPublisher } from './zeromq-api.js';

/** Longest time to go on reading a socket that never gets quiet, in milliseconds. */
const DRAIN_LIMIT_MS = 500;

/** Why an incarnation is over. */
export interface IncarnationEnd {
  /** Which of the two sockets ended. */
  readonly role: SocketRole;
  /** How; `unsubscribed` when the server withdrew its subscription and the connection still stood. */
  readonly reason: ConnectionEnd | 'unsubscribed';
  readonly error: unknown;
}

/** The socket that gets requests, or the one that publishes replies. */
export type SocketRole = 'puller' | 'publisher';

/** What an incarnation tells its link. None of these may throw. */
export interface IncarnationOwner {
  /** The server's subscription was seen. At most once. */
  up(incarnation: Incarnation, subscription: Uint8Array): void;
  messages(incarnation: Incarnation, batch: readonly Uint8Array[]): void;
  /** The puller could not connect; it will be tried again. */
  retrying(role: SocketRole, reason: ConnectionEnd, error: unknown): void;
  /** It has ended by itself. At most once, and not after `close()`. */
  over(incarnation: Incarnation, end: IncarnationEnd): void;
}

/** What an incarnation is made with. */
export interface IncarnationOptions {
  readonly zeromq: ZeromqModule;
  readonly spec: LinkSpec;
  readonly join: boolean;
  readonly counters: LinkCounters;
  readonly owner: IncarnationOwner;
}

/**
 * One XPUB and one PULL to one run of a Mongrel2 process. Each makes one TCP connection in its life and never another,
 * so neither a request nor a reply can cross a restart of the server: that takes new sockets, a new incarnation.
 */
export class Incarnation {
  /** The link's epoch that this is; 0 until the subscription was seen. */
  epoch = 0;
  readonly queue: SendQueue;
  private readonly publisher: ZeromqXPublisher;
  private readonly publisherMonitor: ConnectionMonitor;
  private readonly frames: ReceiveLoop;
  private subscription: Uint8Array | undefined;
  private puller: Puller | undefined;
  private pulling = true;
  private pullStopped: Promise<void> | undefined;
  private ended = false;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly backOff = new BackOff();

  /**
   * Makes the publisher and connects it; everything else follows by itself.
   * @throws what the zeromq module throws for an address or when it has no socket left.
   */
  constructor(private readonly options: IncarnationOptions) {
    const { zeromq, spec } = options;
    this.publisher = new zeromq.XPublisher(publisherOptions(spec.recvSpec.address, options.join));
    this.queue = new SendQueue(this.publisher, {
      capBytes: spec.sendQueueBytes,
      join: options.join,
      counters: options.counters,
      failed: (error) => this.end('publisher', 'failed', error),
    });
    this.publisherMonitor = new ConnectionMonitor(
      this.publisher,
      () => {},
      (reason, error) => this.end('publisher', reason, error),
    );
    this.frames = new ReceiveLoop(
      this.publisher,
      (batch) => batch.forEach(this.frame, this),
      (error) => this.end('publisher', 'failed', error),
    );
    try {
      this.publisher.connect(spec.recvSpec.address);
    } catch (error) {
      this.ended = true;
      void closeSocket(this.publisher, this.publisherMonitor, 0);
      throw error;
    }
    this.frames.start();
  }

  /** Takes no more requests: hands over what has arrived, then closes the puller. The publisher stays. */
  stopPulling(): Promise<void> {
    this.pullStopped ??= this.closePuller();
    return this.pullStopped;
  }

  /** Closes both sockets. Replies that wait in the queue get up to `lingerMs` to leave; resolves when the sockets are gone. */
  async close(lingerMs: number): Promise<void> {
    const deadline = performance.now() + lingerMs;
    const pulled = this.stopPulling();
    if (!this.ended) await this.queue.emptied(lingerMs);
    // A connection that is gone has nobody to flush to.
    const left = this.ended || this.subscription === undefined ? 0 : Math.max(0, Math.ceil(deadline - performance.now()));
    this.ended = true;
    this.queue.end();
    await Promise.all([pulled, closeSocket(this.publisher, this.publisherMonitor, left)]);
  }

  private frame(frame: Uint8Array): void {
    if (this.ended) return;
    if (frame[0] === 1 && this.subscription === undefined) {
      this.subscription = frame.slice(1);
      for (const byte of this.subscription) this.queue.prefix += String.fromCharCode(byte);
      this.options.owner.up(this, this.subscription);
      // Only now: a request must find the way back open.
      if (!this.ended) this.pull();
    } else if (frame[0] === 0 && this.subscription !== undefined && sameTail(frame, this.subscription)) {
      this.end('publisher', 'unsubscribed', undefined);
    }
  }

  private pull(): void {
    if (!this.pulling) return;
    const { zeromq, spec, owner } = this.options;
    try {
      this.puller = new Puller(new zeromq.Pull(pullerOptions(spec.sendSpec.address)), spec.sendSpec.address, {
        alive: () => !this.ended,
        messages: (batch) => owner.messages(this, batch),
        lost: (error) => this.end('puller', 'lost', error),
        // The publisher's connection still stands, so it is the same server, and the epoch goes on.
        unreachable: (reason, error) => this.pullAgain(reason, error),
      });
    } catch (error) {
      this.pullAgain('failed', error);
    }
  }

  private pullAgain(reason: ConnectionEnd, error: unknown): void {
    void this.puller?.close(0);
    this.puller = undefined;
    if (this.ended || !this.pulling) return;
    this.options.owner.retrying('puller', reason, error);
    this.retry = setTimeout(() => this.pull(), this.backOff.next());
  }

  private async closePuller(): Promise<void> {
    this.pulling = false;
    clearTimeout(this.retry);
    await this.puller?.close(DRAIN_LIMIT_MS);
  }

  private end(role: SocketRole, reason: IncarnationEnd['reason'], error: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.queue.end();
    this.options.owner.over(this, { role, reason, error });
  }
}

/** Whether `frame` after its first byte is `prefix`. */
function sameTail(frame: Uint8Array, prefix: Uint8Array): boolean {
  return frame.length === prefix.length + 1 && prefix.every((byte, at) => frame[at + 1] === byte);
}
