import { afterTick } from '#platform';
import type { Clock } from '../clock.js';
import type { Client } from '../connection/client.js';
import type { Connection } from '../connection/connection.js';
import type { Handler } from '../handler.js';
import { HttpExchange } from '../http/exchange.js';
import type { Logger } from '../logger.js';

/** What is stopped. */
interface Stoppable {
  readonly clock: Clock;
  /** Requests received and not yet ended. */
  readonly open: number;
  shedQueue(): void;
}

/** How often conditions without an event of their own are looked at while stopping, in milliseconds. */
const LOOK_MS = 10;

/**
 * Stops a serve loop in three steps: serve on until nothing that is open needs anything from Mongrel2 (at most half the
 * grace time); take no more requests; let what is open finish, then close.
 */
export class GracefulStop {
  readonly closed: Promise<void>;
  private resolveClosed: () => void = () => {};
  private stopping: Promise<{ unfinished: number }> | undefined;
  private start = 0;
  private deadline = 0;
  private wake: (() => void) | undefined;

  constructor(
    private readonly loop: Stoppable,
    private readonly connection: Connection,
    private readonly handler: Handler,
    private readonly logger: Logger,
    private readonly defaultGraceMs: number,
  ) {
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
  }

  /** A request ended: perhaps the last one. */
  poke(): void {
    this.wake?.();
  }

  stop(graceMs: number = this.defaultGraceMs): Promise<{ unfinished: number }> {
    const now = this.loop.clock.now();
    if (this.stopping !== undefined) {
      this.deadline = Math.min(this.deadline, now + graceMs);
      this.wake?.();
      return this.stopping;
    }
    this.start = now;
    this.deadline = now + graceMs;
    this.stopping = this.run(graceMs).finally(() => this.resolveClosed());
    return this.stopping;
  }

  private async run(graceMs: number): Promise<{ unfinished: number }> {
    this.guard('stopping()', () => this.handler.stopping?.(graceMs));
    for (const client of [...this.connection.openClients()]) client.owner?.stopping();
    await this.until(
      () => !this.needsInbound(),
      () => this.start + (this.deadline - this.start) / 2,
    );
    const shut = this.connection
      .shutdown()
      .catch((error: unknown) => this.logger.warn('A link could not be shut down.', { error }));
    await this.race(shut);
    await this.until(
      () => this.loop.open === 0 && !this.hasUnsent(),
      () => this.deadline,
    );
    const unfinished = this.loop.open;
    this.expire();
    await this.closeHandler();
    await this.connection.close();
    return { unfinished };
  }

  /** A handler that has no end of its own must not keep the server from its. */
  private async closeHandler(): Promise<void> {
    const closing = (async () => this.handler.close?.())().catch((error: unknown) =>
      this.logger.error("The handler's close() failed.", { error }),
    );
    // Where no time is left, there is still this turn for what only has to let go of something.
    await Promise.race([closing, new Promise<void>((resolve) => afterTick(resolve))]);
    if (await this.race(closing)) return;
    this.logger.warn("The handler's close() was not done when the grace time was over; the server closes without it.");
  }

  private needsInbound(): boolean {
    for (const client of this.connection.openClients()) if (client.needsInbound) return true;
    return false;
  }

  private hasUnsent(): boolean {
    for (const client of this.connection.openClients()) if (client.bufferedAmount > 0) return true;
    return false;
  }

  /** The time is up: everything that is still open is answered 503 or cut short. */
  private expire(): void {
    this.loop.shedQueue();
    for (const client of [...this.connection.openClients()]) {
      this.guard('expire', () => this.expireClient(client));
    }
  }

  private expireClient(client: Client): void {
    // Those behind it first, or the end of the one in front would start the next.
    const unanswered = client.link.shedPending(client);
    if (client.owner !== undefined) client.owner.expire();
    else if (client.current !== undefined && !client.answered) new HttpExchange(client.current, client).shed();
    // A connection that only has a complete answer on its way may go on, with another handler.
    if (unanswered || client.closed || client.needsKeepAlive) client.closeNow();
  }

  /** Waits for `work` up to the deadline; tells whether it is done. */
  private async race(work: Promise<unknown>): Promise<boolean> {
    let done = false;
    void work.then(() => {
      done = true;
      this.wake?.();
    });
    // What is settled already is known a moment later.
    await undefined;
    await this.until(
      () => done,
      () => this.deadline,
    );
    return done;
  }

  private async until(condition: () => boolean, deadline: () => number): Promise<void> {
    const { clock } = this.loop;
    while (!condition() && clock.now() < deadline()) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(Math.max(1, Math.min(LOOK_MS, deadline() - clock.now())), resolve);
        this.wake = () => {
          cancel();
          resolve();
        };
      });
      this.wake = undefined;
    }
  }

  private guard(what: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.logger.error(`The handler's ${what} failed.`, { error });
    }
  }
}
