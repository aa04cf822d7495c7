import { type Link, type LinkCounters, type LinkReceiver, type LinkSpec, M2Error, type Reply } from '@m2/core';
import { BackOff } from './back-off.js';
import { type Endpoints, Incarnation, type IncarnationOwner, type Role } from './incarnation.js';
import type { ZmtpLimits } from './limits.js';

/** An epoch that lasted so long was a real one; the next attempt need not wait. Milliseconds. */
const STABLE_MS = 1000;

/** Handshakes that must fail in a row before it is called a wrong peer: a dying server ends one that way too. */
const WRONG_PEER_AFTER = 2;

/** A link over ZMTP: one {@link Incarnation} at a time, and the waiting between them. */
export class ZmtpLink implements Link, IncarnationOwner {
  readonly counters: LinkCounters = { received: 0, sent: 0, stale: 0, overflowed: 0, lost: 0 };
  private epoch = 0;
  private current: Incarnation | undefined;
  private upSince = 0;
  private taking = true;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private stopped: Promise<void> | undefined;
  private closed: Promise<void> | undefined;
  private waiters: (() => void)[] = [];
  private readonly backOff = new BackOff();
  private readonly refusals: Record<Role, number> = { publisher: 0, puller: 0 };
  private reported = false;

  /** Connects; reconnects by itself until closed. */
  constructor(
    private readonly endpoints: Endpoints,
    private readonly spec: LinkSpec,
    private readonly receiver: LinkReceiver,
    private readonly limits: ZmtpLimits,
  ) {
    this.current = this.incarnate();
  }

  send(reply: Reply): boolean {
    const { current, counters } = this;
    if (this.closed !== undefined) {
      counters.lost++;
      return false;
    }
    if (current === undefined || current.epoch === 0 || reply.epoch !== current.epoch) {
      counters.stale++;
      return false;
    }
    const pending = current.pendingBytes;
    // A single reply above the cap is in memory anyway; it passes when nothing else waits.
    if (pending > 0 && pending + reply.head.length + reply.data.length > this.spec.sendQueueBytes) {
      counters.overflowed++;
      return false;
    }
    counters.sent++;
    current.send(reply);
    return current.pendingBytes <= this.spec.sendQueueBytes / 2;
  }

  drained(): Promise<void> {
    if (this.belowLowMark()) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  shutdown(): Promise<void> {
    this.stopped ??= this.stop();
    return this.stopped;
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  // --- what the incarnation says ------------------------------------------------------------------------------------

  up(incarnation: Incarnation, subscription: Uint8Array): void {
    incarnation.epoch = ++this.epoch;
    this.upSince = performance.now();
    this.refusals.publisher = 0;
    this.guarded(() => this.receiver.up(incarnation.epoch, subscription));
  }

  messages(incarnation: Incarnation, batch: readonly Uint8Array[]): void {
    this.counters.received += batch.length;
    this.refusals.puller = 0;
    try {
      this.receiver.messages(batch, incarnation.epoch);
    } catch (error) {
      this.broken(error);
    }
  }

  retrying(role: Role, cause: M2Error): void {
    this.note(role, cause);
  }

  written(): void {
    if (this.waiters.length > 0 && this.belowLowMark()) this.wake();
  }

  over(incarnation: Incarnation, role: Role, cause: M2Error): void {
    this.current = undefined;
    if (incarnation.epoch === 0) this.note(role, cause);
    else this.lost(incarnation, role, cause);
    this.wake();
    void incarnation.close(0).then(() => this.again());
  }

  // --- the life of the link -----------------------------------------------------------------------------------------

  private incarnate(): Incarnation {
    return new Incarnation(this.endpoints, this.limits, this);
  }

  private again(): void {
    // Without requests there is nothing to answer either.
    if (!this.taking || this.closed !== undefined) return;
    this.retry = setTimeout(() => {
      this.current = this.incarnate();
    }, this.backOff.next());
  }

  private async stop(): Promise<void> {
    this.taking = false;
    clearTimeout(this.retry);
    const { current } = this;
    if (current === undefined) return;
    if (current.epoch > 0) return current.stopPulling();
    this.current = undefined;
    await current.close(0);
  }

  private async end(): Promise<void> {
    this.taking = false;
    clearTimeout(this.retry);
    const { current } = this;
    const lost = (await current?.close(this.spec.lingerMs)) ?? 0;
    // Bytes, not replies, are what is known of a queue that was cut off: at least one reply was in it.
    if (lost > 0) this.counters.lost++;
    this.current = undefined;
    this.wake();
    await this.stopped;
  }

  private belowLowMark(): boolean {
    return this.current === undefined || this.current.pendingBytes <= this.spec.sendQueueBytes / 4;
  }

  private wake(): void {
    const { waiters } = this;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }

  private lost(incarnation: Incarnation, role: Role, cause: M2Error): void {
    if (performance.now() - this.upSince >= STABLE_MS) this.backOff.reset();
    const { sendSpec, recvSpec } = this.spec;
    const { epoch } = incarnation;
    const address = role === 'puller' ? sendSpec.address : recvSpec.address;
    const down = new M2Error(
      'M2_LINK_DOWN',
      `Mongrel2 at ${address} is gone (${cause.message}) Everything that belongs to epoch ${epoch} is void. It was stopped, restarted or ` +
        'reconfigured, or the network failed; m2 reconnects by itself.',
      { cause, details: { sendSpec: sendSpec.address, recvSpec: recvSpec.address, epoch, role } },
    );
    this.guarded(() => this.receiver.down(epoch, down));
  }

  /** Notes a failed attempt, and says so once when it looks like a wrong address. */
  private note(role: Role, cause: M2Error): void {
    const { logger, sendSpec, recvSpec } = this.spec;
    const own = role === 'publisher' ? 'recv_spec' : 'send_spec';
    const address = role === 'publisher' ? recvSpec.address : sendSpec.address;
    logger.debug(`No connection to ${own} ${address} yet.`, { error: cause });
    if (cause.code === 'M2_LINK_DOWN') {
      this.refusals[role] = 0;
      return;
    }
    if (++this.refusals[role] < WRONG_PEER_AFTER || this.reported) return;
    this.reported = true;
    logger.warn(
      `${address}, given as ${own}, is not the socket of Mongrel2 that belongs there. ${cause.message} Most likely send_spec and recv_spec ` +
        `are swapped: m2 has send_spec ${sendSpec.address} (what Mongrel2 sends to) and recv_spec ${recvSpec.address} (where Mongrel2 ` +
        "receives replies); exchange them, or compare them with the handler's row in Mongrel2's configuration.",
      { sendSpec: sendSpec.address, recvSpec: recvSpec.address, error: cause },
    );
  }

  /** A receiver must not throw; if one does, the link survives and the bug is not lost. */
  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.broken(error);
    }
  }

  private broken(error: unknown): void {
    this.spec.logger.error('The receiver of a link threw; this is a bug.', { error });
  }
}
