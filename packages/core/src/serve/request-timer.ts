import type { Clock } from '../clock.js';
import type { Connection } from '../connection/connection.js';
import { HttpExchange } from '../http/exchange.js';

/** How many ticks a timeout has: it may be late by one of them. */
const TICKS = 8;
/** Bounds of one tick, in milliseconds. */
const SHORTEST_TICK_MS = 10;
const LONGEST_TICK_MS = 1000;

/**
 * Ends requests whose answer did not begin in time. One timer for all of them, none per request. While a body is still being
 * uploaded the time starts anew with each part that comes, and for a stored one when its file is complete.
 */
export class RequestTimer {
  private readonly tickMs: number;
  private readonly ticks: number;
  private now = 0;
  private cancel: (() => void) | undefined;

  constructor(
    private readonly clock: Clock,
    timeoutMs: number,
    private readonly connection: Connection,
  ) {
    this.tickMs = Math.min(LONGEST_TICK_MS, Math.max(SHORTEST_TICK_MS, Math.ceil(timeoutMs / TICKS)));
    this.ticks = Math.ceil(timeoutMs / this.tickMs);
  }

  start(): void {
    this.cancel = this.clock.after(this.tickMs, () => this.tick());
  }

  stop(): void {
    this.cancel?.();
  }

  /** The tick by which a request that starts now must have begun to be answered. The present tick has begun already, so one more. */
  dueTick(): number {
    return this.now + this.ticks + 1;
  }

  private tick(): void {
    this.now++;
    for (const client of [...this.connection.openClients()]) {
      if (client.current === undefined || !client.started || client.answered) continue;
      if (client.dueTick === 0 || client.stored !== undefined) client.dueTick = this.dueTick();
      if (client.dueTick > this.now) continue;
      const owner = client.owner ?? new HttpExchange(client.current, client);
      owner.timeOut();
    }
    this.start();
  }
}
