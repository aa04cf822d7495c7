import { FLOW_WINDOW_BYTES, MAX_QUEUED_MESSAGES } from '../limits.js';
import type { FlowMode } from './flow-mode.js';

/** Messages in flight to one client without flow control: half of the 16 that Mongrel2 queues (protocol 8). */
const UNPROVEN_MESSAGES = 8;
/** Without flow control the messages of a long answer grow from the first to the last of these sizes. */
const FIRST_MESSAGE_BYTES = 64 * 1024;
const LARGEST_MESSAGE_BYTES = 4 * 1024 * 1024;
const MESSAGE_GROWTH = 4;
/**
 * While the mode is not known the window is filled by several messages: with flow control a notice follows each, and they go
 * round the handlers, so that one comes here.
 */
const PROBE_BYTES = FLOW_WINDOW_BYTES / 4;

/**
 * How much one client may be sent now (protocol 8). With flow control: 102,400 unacknowledged bytes. Without: few messages
 * that are not yet taken as written. While it is not known which: both, and nothing refills the window.
 */
export class SendWindow {
  /** Bytes that may still be sent under flow control. */
  private window = FLOW_WINDOW_BYTES;
  /** Sizes of the messages in flight, oldest first; kept only without flow control. */
  private unproven: number[] | undefined;
  private messageBytes = FIRST_MESSAGE_BYTES;
  /** Messages since the client was last seen to have read everything. */
  private unread = 0;

  /** Bytes that the next message may have; 0 when it has to wait. */
  room(mode: FlowMode): number {
    if (mode === 'on') return this.window;
    if (this.full) return 0;
    // It may turn out to be on, and overrunning the window kills the client: stay within it until the mode is known.
    if (mode === 'unknown') return Math.min(this.window, PROBE_BYTES);
    const limit = this.messageBytes;
    this.messageBytes = Math.min(LARGEST_MESSAGE_BYTES, this.messageBytes * MESSAGE_GROWTH);
    return limit;
  }

  /**
   * Bytes that are worth collecting before the next message. Mongrel2 counts messages, not bytes: without flow control few
   * large ones outlast a slow reader whom many small ones would kill.
   */
  worthCollecting(mode: FlowMode): number {
    return mode === 'off' ? this.messageBytes : 0;
  }

  /** A message of `size` bytes may go out now, as it is. */
  fits(mode: FlowMode, size: number): boolean {
    if (mode === 'on') return size <= this.window;
    return !this.full && (mode === 'off' || size <= this.window);
  }

  /** Counts a message of `size` bytes; true when it is the only one in flight, so that the pacer has to watch. */
  charge(mode: FlowMode, size: number): boolean {
    if (mode !== 'off') this.window -= size;
    if (mode === 'on') return false;
    this.unread++;
    if (this.unproven === undefined) this.unproven = [size];
    else this.unproven.push(size);
    return this.unproven.length === 1;
  }

  /** Up to so many of the oldest messages, and so many bytes, count as written; true while some are left. */
  prove(messages: number, bytes: number): boolean {
    const { unproven } = this;
    if (unproven === undefined) return false;
    let left = bytes;
    for (let n = 0; n < messages && unproven.length > 0 && left >= 0; n++) {
      const size = unproven[0] as number;
      if (size > left) {
        unproven[0] = size - left;
        left = 0;
        break;
      }
      left -= size;
      unproven.shift();
    }
    return unproven.length > 0;
  }

  /** Mongrel2 says that it wrote `bytes`. */
  credit(bytes: number): void {
    this.window = Math.min(FLOW_WINDOW_BYTES, this.window + bytes);
    this.forgetUnproven();
  }

  /** So many messages may be unread that one more than Mongrel2 queues could be among them. */
  mayOverrun(mode: FlowMode): boolean {
    return this.unread > MAX_QUEUED_MESSAGES && mode !== 'on';
  }

  /** So many messages may be unread that no more are to follow unless Mongrel2 is known to take them. */
  get hadMany(): boolean {
    return this.unread > UNPROVEN_MESSAGES;
  }

  /** The client has read everything. */
  wasRead(): void {
    this.unread = 0;
  }

  /** Nothing will be written any more. */
  forgetUnproven(): void {
    this.unproven = undefined;
  }

  /** As if nothing had ever been sent. */
  atRest(mode: FlowMode): boolean {
    return (this.unproven === undefined || this.unproven.length === 0) && (this.window === FLOW_WINDOW_BYTES || mode !== 'on');
  }

  private get full(): boolean {
    return this.unproven !== undefined && this.unproven.length >= UNPROVEN_MESSAGES;
  }
}
