/** How long to wait before connecting again. */
export interface ReconnectOptions {
  /** Shortest wait in milliseconds. Default 50. */
  readonly firstMs: number;
  /** Longest wait in milliseconds. Default 1,000. */
  readonly longestMs: number;
  /** A connection that lasted so many milliseconds was a real one, and the next wait is short again. Default 1,000. */
  readonly stableMs: number;
}

/** The defaults of {@link ReconnectOptions}. */
export const defaultReconnect: ReconnectOptions = Object.freeze({ firstMs: 50, longestMs: 1000, stableMs: 1000 });

/** Waits between attempts: doubling up to the longest, with jitter so that many handlers do not knock together. */
export class BackOff {
  private spread: number;
  private since: number | undefined;

  /** @param random like `Math.random`. @param now monotonic milliseconds. */
  constructor(
    private readonly options: ReconnectOptions = defaultReconnect,
    private readonly random: () => number = Math.random,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.spread = this.doubled(options.firstMs);
  }

  /** How long to wait before the next attempt, in milliseconds. */
  next(): number {
    const { firstMs } = this.options;
    const wait = firstMs + this.random() * (this.spread - firstMs);
    this.spread = this.doubled(this.spread);
    return wait;
  }

  /** An attempt came through. */
  begun(): void {
    this.since = this.now();
  }

  /** What had begun is over: if it lasted, the waits start over with the shortest. Who is let in and thrown out at once waits longer each time. */
  ended(): void {
    if (this.since !== undefined && this.now() - this.since >= this.options.stableMs)
      this.spread = this.doubled(this.options.firstMs);
    this.since = undefined;
  }

  private doubled(ms: number): number {
    return Math.max(this.options.firstMs, Math.min(ms * 2, this.options.longestMs));
  }
}
