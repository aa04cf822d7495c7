import { afterTick } from '#platform';
import type { Clock } from '../clock.js';

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that moves only when told to, so that tests own time. It starts at 0, on 1 January 2026 by the wall. */
export class ManualClock implements Clock {
  private time = 0;
  private readonly timers = new Set<Timer>();

  /** @param start what {@link wall} says at 0, in milliseconds since 1970. */
  constructor(private readonly start: number = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.time;
  }

  wall(): number {
    return this.start + this.time;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { due: this.time + Math.max(0, ms), callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this.timers.size;
  }

  /** Moves on by `ms`, calling back what falls due on the way, in order and each at its time. */
  advance(ms: number): void {
    const end = this.time + ms;
    while (this.fireNext(end));
    this.time = end;
  }

  /** As {@link advance}, but whatever a timer sets off (promises, writes at the end of the tick) happens before the next timer. */
  async advanceInTicks(ms: number): Promise<void> {
    const end = this.time + ms;
    await tick();
    while (this.fireNext(end)) await tick();
    this.time = end;
    await tick();
  }

  private fireNext(end: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.timers) if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer;
    if (next === undefined) return false;
    this.timers.delete(next);
    this.time = Math.max(this.time, next.due);
    next.callback();
    return true;
  }
}

/** Three turns of the event loop: a request across a memory link, its handling, and its reply back. */
async function tick(): Promise<void> {
  for (let n = 0; n < 3; n++) await new Promise<void>((resolve) => afterTick(resolve));
}
