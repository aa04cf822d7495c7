import type { Clock } from '@m2/core';

/** Things that all have the same time from when they were added: one timer for all, and none while there are none. */
export class Deadlines<T> {
  private readonly due = new Map<T, number>();
  private cancel: (() => void) | undefined;

  /** `expire` is called once for what was not deleted within `ms`. */
  constructor(
    private readonly clock: Clock,
    private readonly ms: number,
    private readonly expire: (item: T) => void,
  ) {}

  /** Its time begins, unless it has begun. */
  add(item: T): void {
    if (this.due.has(item)) return;
    this.due.set(item, this.clock.now() + this.ms);
    if (this.cancel === undefined) this.schedule();
  }

  /** It is done, in time. */
  delete(item: T): void {
    if (!this.due.delete(item) || this.due.size > 0) return;
    this.cancel?.();
    this.cancel = undefined;
  }

  private schedule(): void {
    // The first that was added is the first that is due.
    const [first] = this.due.values();
    this.cancel = first === undefined ? undefined : this.clock.after(Math.max(0, first - this.clock.now()), () => this.fire());
  }

  private fire(): void {
    const now = this.clock.now();
    const late: T[] = [];
    for (const [item, due] of this.due) {
      if (due > now) break;
      late.push(item);
    }
    for (const item of late) this.due.delete(item);
    this.schedule();
    for (const item of late) this.expire(item);
  }
}
