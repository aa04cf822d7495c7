import { FLOW_WINDOW_BYTES, MAX_QUEUED_MESSAGES } from '../limits.js';

/** What an {@link OutputQueue} tells its connection. */
export interface OutputSink {
  /** Bytes reached the client. */
  arrived(bytes: Uint8Array): void;
  /** A message of so many bytes went into the kernel's buffer. */
  written(size: number): void;
  /** The close that was queued behind the messages was reached. */
  closed(): void;
  /** Something may be written: call {@link OutputQueue.turn} once this turn is over. */
  due(): void;
}

/** What became of a message: taken; the connection has to die of it; or it was lost without a trace. */
export type Pushed = 'queued' | 'kill' | 'lost';

/** Mongrel2's queue of one connection, with its limits (protocol 8). Whatever is pushed in one turn is queued before any of it is written. */
export class OutputQueue {
  /** The most messages that ever waited at once. */
  highest = 0;
  private queue: (Uint8Array | 'close')[] = [];
  /** The message that the writer has in its hands: not in the queue any more, not in the kernel yet. */
  private writing: Uint8Array | undefined;
  private unread: Uint8Array[] = [];
  private unreadBytes = 0;
  private unacknowledged = 0;
  private paused = false;

  /**
   * @param flowControl `download.flow_control`.
   * @param socketBytes what the kernel takes for a client that does not read.
   * @param perTurn how many messages are written in one turn.
   */
  constructor(
    private readonly flowControl: boolean,
    private readonly socketBytes: number,
    private readonly perTurn: number,
    private readonly sink: OutputSink,
  ) {}

  push(item: Uint8Array | 'close'): Pushed {
    if (this.flowControl) {
      const size = item === 'close' ? 0 : item.length;
      // One message over the window kills as overrunning it does.
      if (this.unacknowledged + size > FLOW_WINDOW_BYTES) return 'kill';
      this.unacknowledged += size;
    } else if (this.queue.length >= MAX_QUEUED_MESSAGES) {
      return item === 'close' ? 'lost' : 'kill';
    }
    this.queue.push(item);
    this.highest = Math.max(this.highest, this.queue.length);
    this.sink.due();
    return 'queued';
  }

  /** Writes one turn's messages. */
  turn(): void {
    for (let n = 0; n < this.perTurn; n++) {
      const item = this.writing ?? this.queue.shift();
      if (item === undefined) return;
      if (item === 'close') return this.sink.closed();
      if (!this.write(item)) {
        this.writing = item;
        return;
      }
      this.writing = undefined;
    }
    if (this.queue.length > 0) this.sink.due();
  }

  /** The client stops reading: the kernel's buffer fills, and then the queue. */
  pause(): void {
    this.paused = true;
  }

  /** It reads again. */
  resume(): void {
    this.paused = false;
    this.unreadBytes = 0;
    for (const bytes of this.unread.splice(0)) this.sink.arrived(bytes);
    if (this.writing !== undefined || this.queue.length > 0) this.sink.due();
  }

  /** Drops everything. */
  clear(): void {
    this.queue = [];
    this.writing = undefined;
    this.unread = [];
  }

  private write(bytes: Uint8Array): boolean {
    if (this.paused) {
      // An empty buffer takes the start of any message; that the rest is late changes nothing that a handler sees.
      if (this.unreadBytes > 0 && this.unreadBytes + bytes.length > this.socketBytes) return false;
      this.unread.push(bytes);
      this.unreadBytes += bytes.length;
    } else this.sink.arrived(bytes);
    if (this.flowControl) this.unacknowledged -= bytes.length;
    this.sink.written(bytes.length);
    return true;
  }
}
