/** Time, passed in so that tests can own it. All values are milliseconds. */
export interface Clock {
  /** Monotonic milliseconds, fractions allowed. */
  now(): number;
  /** Milliseconds since 1970, for the `Date` header. */
  wall(): number;
  /** Calls back once after `ms`. The returned function cancels. Never keeps a process alive by itself. */
  after(ms: number, callback: () => void): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    // In browsers a timer is a number and cannot be unreferenced; there it keeps nothing alive either.
    (timer as { unref?: () => void }).unref?.();
    return () => clearTimeout(timer);
  },
};
