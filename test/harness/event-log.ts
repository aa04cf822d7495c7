import { PATIENCE_MS, within } from './deadline.js';

interface Waiter<T> {
  readonly matches: (entry: T) => boolean;
  readonly resolve: (entry: T) => void;
}

/** Everything that happened, in order, and a way to wait for the first thing that matches, past or to come. */
export class EventLog<T> {
  readonly entries: T[] = [];
  private waiters: Waiter<T>[] = [];

  add(entry: T): void {
    this.entries.push(entry);
    const ready = this.waiters.filter((waiter) => waiter.matches(entry));
    this.waiters = this.waiters.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.resolve(entry);
  }

  /** The first match among the entries from index `from` on, waiting for it when it has not come yet. */
  async first(what: string, matches: (entry: T) => boolean, from = 0, ms = PATIENCE_MS): Promise<T> {
    for (let at = from; at < this.entries.length; at++) {
      const entry = this.entries[at] as T;
      if (matches(entry)) return entry;
    }
    const found = new Promise<T>((resolve) => this.waiters.push({ matches, resolve }));
    return await within(found, () => `${what}; seen were ${JSON.stringify(this.entries.slice(-20))}`, ms);
  }
}
