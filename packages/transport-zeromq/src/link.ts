import { type Link, type LinkCounters, type LinkReceiver, type LinkSpec, M2Error, type Reply } from '@m2/core';
import { BackOff } from './back-off.js';
import type { ConnectionEnd } from './connection-monitor.js';
import { Incarnation, type IncarnationEnd, type IncarnationOwner, type SocketRole } from './incarnation.js';
import type { ZeromqModule } from './zeromq-api.js';

/** An epoch that lasted so long was a real one; the next attempt need not wait. Milliseconds. */
const STABLE_MS = 1000;

/** Handshakes that must fail in a row before it is called a wrong peer: a dying server ends one that way too. */
const WRONG_PEER_AFTER = 2;

/** A link over zeromq: one {@link Incarnation} at a time, and the waiting between them. */
export class ZeromqLink implements Link, IncarnationOwner {
  readonly counters: LinkCounters = { received: 0, sent: 0, stale: 0, overflowed: 0, lost: 0 };
  private epoch = 0;
  private current: Incarnation | undefined;
  private upSince = 0;
  private taking = true;
  private retry: ReturnType<typeof setTimeout> | undefined;
  /** The end of the incarnation before, while its sockets close. */
  private settling: Promise<void> = Promise.resolve();
  private stopped: Promise<void> | undefined;
  private closed: Promise<void> | undefined;
  private readonly backOff = new BackOff();
  private readonly refusals: Record<SocketRole, number> = { publisher: 0, puller: 0 };
  private reported = false;

  /** Connects; reconnects by itself until closed. */
  constructor(
    private readonly zeromq: ZeromqModule,
    private readonly spec: LinkSpec,
    private readonly receiver: LinkReceiver,
    private readonly join: boolean,
  ) {
    this.current = this.incarnate();
  }

  send(reply: Reply): boolean {
    const { current } = this;
    if (this.closed !== undefined) {
      this.counters.lost++;
      return false;
    }
    if (current === undefined || current.epoch === 0 || reply.epoch !== current.epoch) {
      this.counters.stale++;
      return false;
    }
    return current.queue.push(reply);
  }

  drained(): Promise<void> {
    return this.current?.queue.drained() ?? Promise.resolve();
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
    this.guarded(() => this.receiver.messages(batch, incarnation.epoch));
  }

  retrying(role: SocketRole, reason: ConnectionEnd, error: unknown): void {
    this.note(role, reason, error);
  }

  over(incarnation: Incarnation, end: IncarnationEnd): void {
    this.current = undefined;
    if (incarnation.epoch === 0) this.note(end.role, end.reason, end.error);
    else this.lost(incarnation, end);
    this.settling = incarnation.close(0).then(() => this.again());
  }

  // --- the life of the link -----------------------------------------------------------------------------------------

  private incarnate(): Incarnation {
    return new Incarnation({
      zeromq: this.zeromq,
      spec: this.spec,
      join: this.join,
      counters: this.counters,
      owner: this,
    });
  }

  private again(): void {
    // Without requests there is nothing to answer either.
    if (!this.taking || this.closed !== undefined) return;
    this.retry = setTimeout(() => {
      try {
        this.current = this.incarnate();
      } catch (error) {
        this.note('publisher', 'failed', error);
        this.again();
      }
    }, this.backOff.next());
  }

  private async stop(): Promise<void> {
    this.taking = false;
    clearTimeout(this.retry);
    const { current } = this;
    if (current === undefined) return this.settling;
    if (current.epoch > 0) return current.stopPulling();
    this.current = undefined;
    await current.close(0);
  }

  private async end(): Promise<void> {
    this.taking = false;
    clearTimeout(this.retry);
    await this.current?.close(this.spec.lingerMs);
    this.current = undefined;
    await this.settling;
    await this.stopped;
  }

  private lost(incarnation: Incarnation, end: IncarnationEnd): void {
    if (performance.now() - this.upSince >= STABLE_MS) this.backOff.reset();
    const { sendSpec, recvSpec } = this.spec;
    const address = end.role === 'puller' ? sendSpec.address : recvSpec.address;
    const what = end.reason === 'unsubscribed' ? 'withdrew its subscription' : 'ended the connection';
    const cause = new M2Error(
      'M2_LINK_DOWN',
      `Mongrel2 ${what} at ${address}; everything that belongs to epoch ${incarnation.epoch} is void. It was stopped, restarted ` +
        'or reconfigured, or the network failed; m2 reconnects by itself.',
      {
        cause: end.error,
        details: {
          sendSpec: sendSpec.address,
          recvSpec: recvSpec.address,
          epoch: incarnation.epoch,
          role: end.role,
          reason: end.reason,
        },
      },
    );
    this.guarded(() => this.receiver.down(incarnation.epoch, cause));
  }

  /** Notes a failed attempt, and says so once when it looks like a wrong address. */
  private note(role: SocketRole, reason: IncarnationEnd['reason'], error: unknown): void {
    const { logger, sendSpec, recvSpec } = this.spec;
    const own = role === 'publisher' ? 'recv_spec' : 'send_spec';
    const address = role === 'publisher' ? recvSpec.address : sendSpec.address;
    logger.debug(`No connection to ${own} ${address} yet.`, { reason, error });
    if (reason !== 'handshake') {
      this.refusals[role] = 0;
      return;
    }
    if (++this.refusals[role] < WRONG_PEER_AFTER || this.reported) return;
    this.reported = true;
    const wanted = role === 'publisher' ? 'SUB' : 'PUSH';
    logger.warn(
      `${address}, given as ${own}, accepts connections but refuses the ZeroMQ handshake: it is not a ${wanted} socket of Mongrel2. ` +
        `Most likely send_spec and recv_spec are swapped: m2 has send_spec ${sendSpec.address} (what Mongrel2 sends to) and recv_spec ` +
        `${recvSpec.address} (where Mongrel2 receives replies); exchange them, or compare them with the handler's row in Mongrel2's configuration.`,
      { sendSpec: sendSpec.address, recvSpec: recvSpec.address, error },
    );
  }

  /** A receiver must not throw; if one does, the link survives and the bug is not lost. */
  private guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.spec.logger.error('The receiver of a link threw; this is a bug.', { error });
    }
  }
}
