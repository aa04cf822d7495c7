import type { Clock, Logger } from '@m2/core';

/** What apps passed to `waitUntil`: work that goes on after its response. */
export class PendingWork {
  private readonly open = new Set<Promise<void>>();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** How many promises have not settled. */
  get size(): number {
    return this.open.size;
  }

  /** Waits for `work` in {@link settled}. A rejection is logged. */
  add(work: PromiseLike<unknown>): void {
    const tracked: Promise<void> = Promise.resolve(work).then(
      () => this.done(tracked),
      (error: unknown) => {
        this.done(tracked);
        this.logger.error('A promise that the app passed to waitUntil() was rejected.', { error });
      },
    );
    this.open.add(tracked);
  }

  /** Resolves when nothing is open any more, or at `deadline` by the clock. */
  async settled(deadline: number): Promise<void> {
    while (this.open.size > 0) {
      const left = deadline - this.clock.now();
      if (left <= 0) {
        this.logger.warn(`waitUntil(): ${this.open.size} still open when the grace time was over.`);
        return;
      }
      await this.settledOr(left);
    }
  }

  private async settledOr(ms: number): Promise<void> {
    let cancel: () => void = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.clock.after(ms, resolve);
    });
    await Promise.race([Promise.all(this.open), late]);
    cancel();
  }

  private done(work: Promise<void>): void {
    this.open.delete(work);
  }
}
