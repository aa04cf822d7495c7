import { type Link, type LinkCounters, type LinkReceiver, type LinkSpec, M2Error, type Reply } from '@m2/core';
import { BackOff } from './back-off.js';
import { type Endpoints, Incarnation, type IncarnationOwner, type Role } from './incarnation.js';

/** Failures that waiting does not cure, by the code that Node gives them. */
const HOPELESS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'The host name cannot be resolved.',
  EACCES: 'This process has no permission for it.',
  EPERM: 'This process has no permission for it.',
};

/** Handshakes that must fail in a row before it is called a wrong peer: a dying server ends one that way too. */
const WRONG_PEER_AFTER = 2;

/** A link over ZMTP: one {@link Incarnation} at a time, and the waiting between them. */
export class ZmtpLink implements Link, IncarnationOwner {
  readonly counters: LinkCounters = { received: 0, sent: 0, stale: 0, overflowed: 0, lost: 0 };
  private epoch = 0;
  private current: Incarnation | undefined;
  private taking = true;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private stopped: Promise<void> | undefined;
  private closed: Promise<void> | undefined;
  private waiters: (() => void)[] = [];
  private readonly backOff: BackOff;
  private readonly refusals: Record<Role, number> = { publisher: 0, puller: 0 };
  private reported = false;

  /** Connects; reconnects by itself until closed. */
  constructor(
    private readonly endpoints: Endpoints,
    private readonly spec: LinkSpec,
    private readonly receiver: LinkReceiver,
  ) {
    this.backOff = new BackOff(endpoints.reconnect);
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
    current.send(reply);
    return pending + reply.head.length + reply.data.length <= this.spec.sendQueueBytes / 2;
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
    this.backOff.begun();
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

  cutShort(cause: M2Error): void {
    const { logger, sendSpec } = this.spec;
    logger.warn(
      `Mongrel2 at ${sendSpec.address} did not let the handler leave in order: requests may be lost. ${cause.message}`,
      { error: cause },
    );
  }

  written(replies: number): void {
    this.counters.sent += replies;
    if (this.waiters.length > 0 && this.belowLowMark()) this.wake();
  }

  over(incarnation: Incarnation, role: Role, cause: M2Error): void {
    this.current = undefined;
    if (incarnation.epoch === 0) this.note(role, cause);
    else this.lost(incarnation, role, cause);
    this.wake();
    // What was queued for the old server is dropped, and counted.
    void incarnation.close(0).then((lost) => {
      this.counters.lost += lost;
      this.again();
    });
  }

  // --- the life of the link -----------------------------------------------------------------------------------------

  private incarnate(): Incarnation {
    return new Incarnation(this.endpoints, this);
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
    this.counters.lost += (await current?.close(this.spec.lingerMs)) ?? 0;
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
    this.backOff.ended();
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
      this.noteHopeless(own, address, cause);
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

  private noteHopeless(own: string, address: string, error: M2Error): void {
    const why = HOPELESS[(error.cause as NodeJS.ErrnoException | undefined)?.code ?? ''];
    if (why === undefined || this.reported) return;
    this.reported = true;
    this.spec.logger.warn(`${address}, given as ${own}, cannot be connected. ${why} m2 keeps trying.`, { error });
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
