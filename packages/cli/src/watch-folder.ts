import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger } from '@m2/core';

/** What is watched, and who is told. */
export interface WatchFolderOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once for a burst of changes, with the path of the last one relative to the folder. */
  readonly changed: (path: string) => void;
}

/** Saving one file shows as several events, and saving all as many files; this long after the last one they are one change. Milliseconds. */
const DEBOUNCE_MS = 100;
/** Each folder is an operating system's watch of its own. */
const MAX_FOLDERS = 2000;

const SOURCE = /\.(?:[cm]?[jt]sx?|json|node|wasm)$/;

/** Packages, version control and hidden folders are not the app's source. */
const isIgnored = (name: string): boolean => name === 'node_modules' || name.startsWith('.');

/**
 * Watches the source files in a folder and the folders below it, without `node_modules` and hidden ones. Returns once the
 * watches are set; the returned function ends them.
 */
export function watchFolder({ folder, clock, logger, changed }: WatchFolderOptions): () => void {
  const watchers = new Map<string, FSWatcher>();
  let cancel = () => {};
  let full = false;

  const add = (path: string, within: string): void => {
    if (watchers.has(path) || full) return;
    if (watchers.size >= MAX_FOLDERS) {
      full = true;
      logger.warn(`--watch follows the first ${MAX_FOLDERS} folders of ${folder}; changes in others need a restart by hand.`);
      return;
    }
    try {
      const watcher = watch(path, (_event, name) => seen(path, within, name));
      watcher.on('error', () => drop(path));
      watchers.set(path, watcher);
      for (const entry of readdirSync(path, { withFileTypes: true })) {
        if (entry.isDirectory() && !isIgnored(entry.name)) add(join(path, entry.name), join(within, entry.name));
      }
    } catch (error) {
      drop(path);
      // A folder may be gone again before it is watched; that is no reason to speak.
      if ((error as { code?: unknown }).code !== 'ENOENT') logger.warn(`--watch cannot follow ${path}.`, { error });
    }
  };
  const drop = (path: string): void => {
    watchers.get(path)?.close();
    watchers.delete(path);
  };
  const seen = (path: string, within: string, name: string | null): void => {
    if (name === null || isIgnored(name)) return;
    if (SOURCE.test(name)) return report(join(within, name));
    const full = join(path, name);
    if (!isFolder(full)) return drop(full);
    if (watchers.has(full)) return;
    add(full, join(within, name));
    // Files may have been written before the watch was set: what is in a new folder counts as changed.
    report(join(within, name));
  };
  const report = (path: string): void => {
    cancel();
    cancel = clock.after(DEBOUNCE_MS, () => changed(path));
  };

  add(folder, '');
  return () => {
    cancel();
    for (const path of [...watchers.keys()]) drop(path);
  };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
