import { type FSWatcher, watch } from 'node:fs';
import type { Clock, Logger } from '@m2/core';

/** Told that a file may have changed; `recheck` when nothing says so and it is only looked at again. */
export type ChangeListener = (recheck: boolean) => void;

/** How a folder is watched. */
export interface WatcherOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often every file is looked at again, in milliseconds, for changes that the system did not report. */
  readonly recheckMs: number;
  /** Whether the system is asked to report changes at all. */
  readonly native: boolean;
}

/**
 * Watches one folder for all uploads whose readers have caught up with Mongrel2. The system's watcher is there only while
 * there are such; a slow timer beside it covers what it misses (network file systems, a full event queue).
 */
export class FolderWatcher {
  private readonly listeners = new Map<string, ChangeListener>();
  private watcher: FSWatcher | undefined;
  private cancelRecheck: (() => void) | undefined;
  private told = false;

  constructor(
    private readonly folder: string,
    private readonly options: WatcherOptions,
  ) {}

  /** True while the system reports changes of the folder. */
  get active(): boolean {
    return this.watcher !== undefined;
  }

  /** Calls `listener` whenever the file of this name may have changed, until the returned function is called. One per name. */
  add(name: string, listener: ChangeListener): () => void {
    this.listeners.set(name, listener);
    if (this.watcher === undefined && this.options.native) this.start();
    if (this.cancelRecheck === undefined) this.scheduleRecheck();
    return () => this.remove(name, listener);
  }

  private remove(name: string, listener: ChangeListener): void {
    if (this.listeners.get(name) !== listener) return;
    this.listeners.delete(name);
    if (this.listeners.size > 0) return;
    this.stop();
    this.cancelRecheck?.();
    this.cancelRecheck = undefined;
  }

  private start(): void {
    try {
      this.watcher = watch(this.folder, { persistent: false }, (_event, name) => this.changed(name));
      this.watcher.on('error', (error) => this.failed(error));
    } catch (error) {
      this.failed(error);
    }
  }

  private stop(): void {
    this.watcher?.close();
    this.watcher = undefined;
  }

  /** The folder may be on a file system without such reports, or there are too many watchers: the timer goes on. */
  private failed(error: unknown): void {
    this.stop();
    if (this.told) return;
    this.told = true;
    this.options.logger.warn(
      `Changes in ${this.folder} are not reported by the system: uploads there are looked at every ${this.options.recheckMs} ms instead.`,
      { error },
    );
  }

  private changed(name: string | null): void {
    if (name === null) this.tellAll(false);
    else this.listeners.get(name)?.(false);
  }

  private tellAll(recheck: boolean): void {
    for (const listener of [...this.listeners.values()]) listener(recheck);
  }

  private scheduleRecheck(): void {
    this.cancelRecheck = this.options.clock.after(this.options.recheckMs, () => {
      this.scheduleRecheck();
      this.tellAll(true);
    });
  }
}
