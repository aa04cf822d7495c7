/** First and longest wait before the next attempt, in milliseconds. */
const FIRST_MS = 50;
const LONGEST_MS = 1000;

/** Waits between attempts: doubling up to a second, with jitter so that many handlers do not knock together. */
export class BackOff {
  private spread = FIRST_MS;

  /** @param random like `Math.random`. */
  constructor(private readonly random: () => number = Math.random) {}

  /** How long to wait before the next attempt, in milliseconds. */
  next(): number {
    const wait = FIRST_MS + this.random() * (this.spread - FIRST_MS);
    this.spread = Math.min(this.spread * 2, LONGEST_MS);
    return wait;
  }

  /** Starts over with the shortest wait. */
  reset(): void {
    this.spread = FIRST_MS;
  }
}
