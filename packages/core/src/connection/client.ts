import { M2Error } from '../errors.js';
import type { StoredFile } from '../http/stored-upload.js';
import { FLOW_WINDOW_BYTES } from '../limits.js';
import { checkLatin1, encodeClose, encodeControl, encodeReply } from '../wire/outbound.js';
import type { ClientOwner, OpeningRequest, StoredBodySource, UploadSink } from './client-owner.js';
import { Outbox } from './outbox.js';
import { BYTES_PER_TURN } from './pacer.js';
import { SendWindow } from './send-window.js';
import type { ServerLink } from './server-link.js';

/** Above so many waiting bytes `send` asks the caller to wait. */
const HIGH_WATER_BYTES = 128 * 1024;
/** At or below so many waiting bytes `drained()` resolves. */
const LOW_WATER_BYTES = 32 * 1024;

export { type ClientOwner, type OpeningRequest, opens, type StoredBodySource, type UploadSink } from './client-owner.js';

/**
 * One TCP connection of one client of one Mongrel2 process: (server, epoch, id). Valid until the client goes away, it is
 * closed, or its server is restarted; from then on everything sent to it is refused and counted.
 */
export class Client {
  /** The server's `send_ident`. */
  readonly server: string;
  /** Mongrel2's connection id. */
  readonly id: number;
  /** The incarnation of the server that the id belongs to. */
  readonly epoch: number;

  /** The request that is being answered, until its answer is complete. @internal */
  current: OpeningRequest | undefined;
  /** Requests that came before the former was answered. @internal */
  pending: OpeningRequest[] | undefined;
  /** Who answers the current request; undefined while a plain handler does. @internal */
  owner: ClientOwner | undefined;
  /** Something was sent for the current request. @internal */
  answered = false;
  /** The handler was called for the current request. @internal */
  started = false;
  /** The tick of the request timer by which the current request must have an answer begun; at 0 its time starts with the next tick. @internal */
  dueTick = 0;
  /** The handler's call for the current request is over. @internal */
  settled = false;
  /** A WebSocket or a JSON/XML socket: stays open until it is closed. @internal */
  lasting = false;
  /** Parts of a streamed upload are still to come. @internal */
  uploading = false;
  /** Who reads them; undefined while nobody does. @internal */
  upload: UploadSink | undefined;
  /** The stored upload of the current request, or of the one before while it is still being written. @internal */
  stored: StoredBodySource | undefined;
  /** The current request's body is stored where nobody here can read it. @internal */
  storedNowhere = false;
  /** The file of the current request's stored body, complete or not. @internal */
  storedFile: StoredFile | undefined;
  /** Called once when the connection is over, from whichever side, after everything open on it has ended. Must not throw. */
  onGone: ((cause: M2Error) => void) | undefined;
  /** How many keep-alive sweeps have seen it. @internal */
  sweeps = 0;
  /** Its link knows it: it is not at rest. @internal */
  listed = false;
  /** The pacer has it. @internal */
  paced = false;

  private state: 'open' | 'closing' | 'gone' = 'open';
  private outbox: Outbox | undefined;
  private flushing = false;
  private waiter: { promise: Promise<void>; resolve: () => void } | undefined;
  private readonly window = new SendWindow();

  /** @internal */
  constructor(
    /** @internal */
    readonly link: ServerLink,
    server: string,
    id: number,
    epoch: number,
  ) {
    this.server = server;
    this.id = id;
    this.epoch = epoch;
  }

  /** Nothing can be sent any more: it was closed, went away, or its server did. */
  get closed(): boolean {
    // A record at rest is not told when its server goes away, and its id may be a stranger's by now.
    return this.state !== 'open' || this.epoch !== this.link.epoch;
  }

  /** Bytes that wait here for the client. */
  get bufferedAmount(): number {
    return this.outbox?.bytes ?? 0;
  }

  /**
   * Sends raw bytes to the client; a string is latin1, one character a byte (`M2_BAD_REPLY` when it is not). What is sent
   * in one tick may travel together. `true`: go on; `false`: wait for `drained()`, or the client is gone. Nothing is
   * sent for empty data, which would close the connection (protocol 4). `head`, latin1, goes before it, as one with it.
   */
  send(data: string | Uint8Array, head = ''): boolean {
    if (data.length + head.length === 0) return !this.closed;
    return this.write(head, data, 0);
  }

  /** Resolves when there is room again, or the client is gone. */
  drained(): Promise<void> {
    if (
      this.state === 'gone' ||
      this.epoch !== this.link.epoch ||
      (this.bufferedAmount <= LOW_WATER_BYTES && !this.link.congested)
    )
      return Promise.resolve();
    if (this.waiter === undefined) {
      let resolve = () => {};
      const promise = new Promise<void>((settle) => {
        resolve = settle;
      });
      this.waiter = { promise, resolve };
    }
    return this.waiter.promise;
  }

  /** Closes the connection after everything that was sent. Idempotent. */
  close(): void {
    if (this.closed) return;
    this.state = 'closing';
    this.lasting = false;
    if (this.outbox === undefined || this.outbox.empty) return this.sendClose();
    this.outbox.closing = true;
    // Closing ends an answer that is still open; what was sent of it goes out first.
    if (this.current === undefined) return;
    const { owner } = this;
    this.outbox.push('', 2);
    this.link.release(this);
    owner?.gone(this.closedHere());
  }

  /** Closes the connection at once and drops what waits for it (protocol 5, `cancel`). Idempotent. */
  cancel(): void {
    this.cut(this.closedHere(), true);
  }

  /** As `cancel`; `answers` when that is the handler's answer to the current request, if not a good one. @internal */
  cut(cause: M2Error, answers: boolean): void {
    if (this.state === 'gone' || this.epoch !== this.link.epoch) return;
    this.link.transmit(encodeControl(this.epoch, this.server, this.id, { cancel: true }));
    this.link.closedIds.add(this.id);
    this.leave(cause, answers);
  }

  /** Resets Mongrel2's idle clock for this connection (protocol 12). Whatever stays open is kept alive by itself. */
  keepAlive(): void {
    if (!this.closed) this.link.transmit(encodeControl(this.epoch, this.server, this.id, { keepAlive: true }));
  }

  /** Allows `bytes` more of a streamed upload (protocol 7.3). An integer from 1. */
  grantCredits(bytes: number): void {
    if (!this.closed) this.link.transmit(encodeControl(this.epoch, this.server, this.id, { credits: bytes }));
  }

  /**
   * Sends `head` and `data` as one piece. `end` is 1 when an answer is complete with it, 2 when it ends cut short.
   * @internal
   */
  write(head: string, data: string | Uint8Array, end: 0 | 1 | 2): boolean {
    if (this.closed) {
      this.link.counters.late++;
      return false;
    }
    if (this.outbox === undefined || this.outbox.empty) {
      const size = head.length + data.length;
      if (this.fits(size)) {
        this.transmit(head, data, size);
        this.answered = true;
        if (end !== 0) this.replied(end === 2, end === 1);
        else if (this.current !== undefined && this.owner === undefined) this.link.plainSend(this);
        return !this.link.congested;
      }
    }
    return this.enqueue(head, data, end);
  }

  /** Sends with what else comes in this tick: for answers that are made in pieces. @internal */
  writeSoon(data: string | Uint8Array, end: 0 | 1 | 2): boolean {
    if (this.closed) {
      this.link.counters.late++;
      return false;
    }
    return this.enqueue('', data, end);
  }

  private enqueue(head: string, data: string | Uint8Array, end: 0 | 1 | 2): boolean {
    // Here it can still be refused; when it is taken out of the queue nobody is there to hear of it.
    if (typeof data === 'string') checkLatin1(data, 'data');
    this.answered = true;
    this.outbox ??= new Outbox();
    if (!this.listed) this.link.list(this);
    if (this.outbox.bytes > this.link.clientQueueBytes) {
      this.tooSlow();
      return false;
    }
    if (head !== '') this.outbox.push(head);
    this.outbox.push(data, end);
    if (!this.flushing) {
      this.flushing = true;
      this.link.flushAfterTick(this);
    }
    return this.outbox.bytes <= Math.max(HIGH_WATER_BYTES, this.window.worthCollecting(this.link.mode)) && !this.link.congested;
  }

  /** Sends what the client has room for. @internal */
  flush(): void {
    this.flushing = false;
    const outbox = this.outbox;
    if (this.state === 'gone') return;
    if (outbox === undefined) return this.wakeIfRoom();
    while (!outbox.empty && !this.link.congested) {
      const limit = Math.min(this.window.room(this.link.mode), this.link.largestMessage);
      if (limit <= 0) {
        this.link.flow.wait();
        break;
      }
      const { data, ends, truncated } = outbox.take(limit, this.link.mode === 'off' ? this.link.largestMessage : limit);
      if (data.length > 0) this.transmit('', data, data.length);
      for (let n = 0; n < ends; n++) this.replied(n < truncated, truncated === 0 && n === ends - 1);
      // Without flow control a burst is queued in Mongrel2 before any of it is written: one message a turn.
      if (this.link.mode !== 'on') break;
    }
    if (outbox.empty) {
      if (outbox.closing) this.sendClose();
      else if (this.current !== undefined && this.owner === undefined) this.link.plainSend(this);
    }
    this.wakeIfRoom();
    this.link.settle(this);
  }

  /** The last byte of an answer was handed over; `probe` when nothing more goes out with it. @internal */
  replied(truncated: boolean, probe: boolean): void {
    if (probe && this.window.mayOverrun(this.link.mode)) this.link.probes.send(this);
    this.link.ended(this, 'replied', truncated);
  }

  /** It asks for something: if it is not one request ahead, it has read all that was sent. @internal */
  asks(): void {
    if (this.current !== undefined || this.bufferedAmount > 0) return;
    this.window.wasRead();
    this.link.probes.alive(this.id);
  }

  private wakeIfRoom(): void {
    if (this.bufferedAmount <= LOW_WATER_BYTES && !this.link.congested) this.wake();
  }

  /** May be reached by a message for many clients, now. @internal */
  admits(size: number): boolean {
    return !this.closed && (this.outbox === undefined || this.outbox.empty) && this.fits(size);
  }

  private fits(size: number): boolean {
    const { link } = this;
    return !link.congested && size <= link.largestMessage && this.window.fits(link.mode, size);
  }

  /** Counts a message of `size` bytes that was sent to this client. @internal */
  charge(size: number): void {
    if (!this.listed) this.link.list(this);
    if (!this.window.charge(this.link.mode, size) || this.paced) return;
    this.paced = true;
    this.link.pacer.watch(this);
  }

  private transmit(head: string, data: string | Uint8Array, size: number): void {
    const reply = encodeReply(this.epoch, this.server, this.id, head, data);
    this.charge(size);
    this.link.transmit(reply);
  }

  private sendClose(): void {
    this.charge(0);
    this.link.transmit(encodeClose(this.epoch, this.server, this.id));
    this.link.closedIds.add(this.id);
    this.leave(this.closedHere(), true);
  }

  private closedHere(): M2Error {
    return new M2Error('M2_CLOSED', `Connection ${this.id} of ${this.server} was closed by its handler.`);
  }

  /** It had so many messages that more are to follow only when Mongrel2 has taken them. @internal */
  get hadMany(): boolean {
    return this.window.hadMany;
  }

  /** The oldest messages count as written; tells whether any are left. @internal */
  prove(messages: number, bytes: number): boolean {
    const left = this.window.prove(messages, bytes);
    this.paced = left;
    if (this.outbox !== undefined && !this.outbox.empty && !this.flushing) this.flush();
    if (!left) this.link.settle(this);
    return left;
  }

  /** Mongrel2 wrote `bytes` to the client (protocol 8). @internal */
  credit(bytes: number): void {
    this.window.credit(bytes);
    if (this.outbox !== undefined && !this.outbox.empty && !this.flushing) this.flush();
    else this.link.settle(this);
  }

  /** Nothing is open, waiting or unacknowledged, so that a fresh record would be the same. @internal */
  get atRest(): boolean {
    return (
      this.current === undefined &&
      !this.lasting &&
      !this.uploading &&
      !this.flushing &&
      this.waiter === undefined &&
      (this.outbox === undefined || this.outbox.empty) &&
      this.window.atRest(this.link.mode)
    );
  }

  /** It is open and would be cut by Mongrel2's idle limits (protocol 12). @internal */
  get needsKeepAlive(): boolean {
    return this.state !== 'gone' && (this.current !== undefined || this.lasting || this.uploading || this.bufferedAmount > 0);
  }

  /** What is open here cannot finish without more messages from Mongrel2. @internal */
  get needsInbound(): boolean {
    if (this.state === 'gone') return false;
    return this.lasting || this.uploading || (this.link.mode === 'on' && (this.current !== undefined || this.bufferedAmount > 0));
  }

  /** The current answer is complete (if perhaps not yet sent): the next request may start, or the connection closes. @internal */
  complete(keepAlive: boolean): void {
    this.link.release(this);
    if (keepAlive) this.link.next(this);
    else this.close();
  }

  /** A plain handler's call for the current request is over. @internal */
  settle(): void {
    this.settled = true;
    this.link.plainSend(this);
  }

  /** Counts the end of the current request when it is no reply. @internal */
  end(outcome: 'shed' | 'timedOut' | 'workerDied'): void {
    this.link.ended(this, outcome, false);
  }

  /** Closes within this tick: what has no room now never goes out. @internal */
  closeNow(): void {
    this.close();
    this.flush();
    this.cut(this.closedHere(), false);
  }

  private tooSlow(): void {
    const cause = new M2Error(
      'M2_CLIENT_TOO_SLOW',
      `Connection ${this.id} of ${this.server} has more than ${this.link.clientQueueBytes} bytes waiting; it is closed. ` +
        'Wait for drained() when send() returns false, or raise clientQueueBytes.',
      { details: { server: this.server, id: this.id, waiting: this.bufferedAmount } },
    );
    this.link.logger.warn(cause.message, cause.details);
    this.cut(cause, false);
  }

  /** Mongrel2 says that it went away, or that something was sent to it too late. @internal */
  wentAway(): void {
    this.leave(new M2Error('M2_CLIENT_GONE', `The client of connection ${this.id} of ${this.server} went away.`));
  }

  /** The connection is over, from whichever side; everything open on it ends. `answers` as in {@link cut}. Idempotent. @internal */
  leave(cause: M2Error, answers = false): void {
    if (this.state === 'gone') return;
    this.state = 'gone';
    const lost = this.outbox?.clear() ?? 0;
    for (let n = 0; n < lost; n++) this.link.ended(this, 'clientGone', false);
    this.window.forgetUnproven();
    this.lasting = false;
    this.wake();
    this.link.left(this, cause, answers);
    this.onGone?.(cause);
  }

  private wake(): void {
    const waiter = this.waiter;
    this.waiter = undefined;
    waiter?.resolve();
  }
}

// A turn of the pacer proves at least one whole message of the size that the mode allows, or pacing would stall.
if (BYTES_PER_TURN < FLOW_WINDOW_BYTES) throw new Error('pacer: a turn must cover one message');
