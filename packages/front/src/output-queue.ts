import type { Socket } from 'node:net';
import { FLOW_WINDOW_BYTES, MAX_QUEUED_MESSAGES } from '@m2/core';

/** Bytes that may wait for one client; Mongrel2 has no such bound, and would run out of memory. */
const QUEUE_BYTES = 256 * 1024 * 1024;

/** What an output queue tells its client. */
export interface OutputListener {
  /** One message is in the kernel's buffer, all of its `bytes`. */
  written(bytes: number): void;
  /** More was queued than Mongrel2 allows: the client is to be dropped with all that waits. */
  overrun(why: string): void;
  /** Everything before the closing reply was written. */
  closed(): void;
}

/**
 * What waits to be written to one client (protocol 8). At most 16 messages without flow control, the one that is being
 * written not counted; at most 102,400 unwritten bytes with it. Writing starts after the tick's IO, so that a burst
 * of replies is queued before any of it is written, as happens in Mongrel2.
 */
export class OutputQueue {
  private waiting: (Uint8Array | undefined)[] = [];
  private at = 0;
  private bytes = 0;
  private writing = 0;
  private scheduled = false;
  private stopped = false;

  constructor(
    private readonly socket: Socket,
    private readonly flowControl: boolean,
    private readonly listener: OutputListener,
  ) {}

  /** Queues a message, not an empty one. */
  push(data: Uint8Array): void {
    if (this.stopped) return;
    const total = this.bytes + data.length;
    if (this.flowControl && total > FLOW_WINDOW_BYTES) {
      this.overrun(`${total} unacknowledged bytes are more than the window of ${FLOW_WINDOW_BYTES}`);
    } else if (this.full) {
      this.overrun(`message ${MAX_QUEUED_MESSAGES + 1} came while ${MAX_QUEUED_MESSAGES} were queued`);
    } else if (total > QUEUE_BYTES) {
      this.overrun(`${total} queued bytes are more than the front holds`);
    } else {
      this.bytes = total;
      this.add(data);
    }
  }

  /** Queues the closing of the connection. False: the queue was full and Mongrel2 would have lost it. */
  pushClose(): boolean {
    if (this.stopped) return true;
    if (this.full) return false;
    this.add(undefined);
    return true;
  }

  /** Writes nothing more; what waits is dropped. */
  stop(): void {
    this.stopped = true;
    this.waiting = [];
    this.at = 0;
  }

  private get full(): boolean {
    return !this.flowControl && this.waiting.length - this.at >= MAX_QUEUED_MESSAGES;
  }

  private overrun(why: string): void {
    this.stop();
    this.listener.overrun(why);
  }

  private add(data: Uint8Array | undefined): void {
    this.waiting.push(data);
    if (this.scheduled || this.writing > 0) return;
    this.scheduled = true;
    setImmediate(this.start);
  }

  private readonly start = (): void => {
    this.scheduled = false;
    this.next();
  };

  private next(): void {
    if (this.stopped) return;
    if (this.at >= this.waiting.length) {
      this.waiting = [];
      this.at = 0;
      return;
    }
    const data = this.waiting[this.at];
    this.waiting[this.at++] = undefined;
    if (data === undefined) {
      this.stop();
      this.listener.closed();
      return;
    }
    this.writing = data.length;
    this.socket.write(data, this.done);
  }

  private readonly done = (error?: Error | null): void => {
    const { writing } = this;
    this.writing = 0;
    this.bytes -= writing;
    // A failed write is followed by the socket's 'close', which tells everyone.
    if (error != null || this.stopped) return;
    this.listener.written(writing);
    this.next();
  };
}
