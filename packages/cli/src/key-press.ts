import type { Clock } from '@m2/core';

/**
 * The same signal again so soon is the same key press, in milliseconds: a terminal sends Ctrl+C to every process of the
 * group, and npm and npx, being one of them, pass theirs on.
 */
const SAME_PRESS_MS = 200;

/** Tells a signal that somebody sent from one that only came a second way. */
export class KeyPress {
  private signal = '';
  private at = 0;

  constructor(private readonly clock: Clock) {}

  /** True when this signal is the one before, passed on; to be ignored. */
  isEcho(signal: string): boolean {
    const now = this.clock.now();
    if (signal === this.signal && now - this.at < SAME_PRESS_MS) return true;
    this.signal = signal;
    this.at = now;
    return false;
  }
}
