import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Logger, M2Error, type StoredFile, silentLogger, systemClock, type UploadFiles } from '@m2/core';
import { type UploadCounts, UploadFile, type UploadSurroundings } from './upload-file.js';
import { codeOf } from './upload-identity.js';
import { type UploadNames, uploadNames } from './upload-name.js';
import { FolderWatcher } from './upload-watcher.js';

/** Settings of `uploadFolder`. Every field has a default. */
export interface UploadFolderOptions {
  /**
   * `upload.temp_store` as in Mongrel2's settings, or its last part: `/uploads/up.XXXXXX` or `up.XXXXXX`. Names of another
   * form are refused, and with a folder in it names of another folder too. Default: any name that ends in six letters or
   * digits, as mkstemp makes them.
   */
  readonly pattern?: string;
  /** The user id that files must belong to: that of Mongrel2's user. Default: any. */
  readonly owner?: number;
  /**
   * Whether the system is asked to report what Mongrel2 writes. Default true. False saves the attempt where it does not,
   * as on network file systems.
   */
  readonly watch?: boolean;
  /** How often a file that is waited for is looked at without a report, in milliseconds from 1. Default 1,000. */
  readonly recheckMs?: number;
  /** Gets a line for what could not be removed, is no upload, or is not reported. Default: none. */
  readonly logger?: Logger;
  /** Default: the machine's own. */
  readonly clock?: Clock;
}

/** What an upload folder has counted, and how many uploads it has now. */
export interface UploadFolderStats extends Readonly<UploadCounts> {
  /** Uploads that are being read, or whose file is still to be removed. */
  readonly open: number;
}

/** A file that nobody here waits for. */
export interface Leftover {
  /** Its full path. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** When it was last written, in milliseconds since 1970. */
  readonly modified: number;
}

/** The folder of `upload.temp_store` as this host sees it. Made by {@link uploadFolder}. */
export interface UploadFolder extends UploadFiles {
  /** The folder's path, links resolved. */
  readonly path: string;
  stats(): UploadFolderStats;
  /** Resolves when every file that was let go of so far is removed. */
  settled(): Promise<void>;
  /**
   * Files that look like uploads, are none of this process's, and were not written to for `olderThanMs` (default an hour): left
   * by a Mongrel2 or an m2 that was killed, or by uploads whose word of completion went to another handler. Nothing removes
   * them. Rejects with the system's error when the folder cannot be listed.
   */
  leftovers(olderThanMs?: number): Promise<Leftover[]>;
}

/** An hour: longer pauses than this in an upload are cut by Mongrel2's idle limits many times over. */
const LEFTOVER_MS = 3_600_000;

/**
 * Reads stored uploads from a folder. A path in a message is as Mongrel2 sees it inside its chroot: only its file name counts.
 * @throws M2Error `M2_UPLOAD_DIR_INVALID` when the folder is missing or this user may not use it, `M2_OPTION_INVALID` for a
 * pattern or a number out of range.
 */
export const uploadFolder = (dir: string, options: UploadFolderOptions = {}): UploadFolder => new Folder(dir, options);

class Folder implements UploadFolder, UploadSurroundings {
  readonly path: string;
  readonly watcher: FolderWatcher;
  readonly logger: Logger;
  readonly owner: number | undefined;
  readonly counts: UploadCounts = {
    uploads: 0,
    bytes: 0,
    refused: 0,
    failed: 0,
    removed: 0,
    gone: 0,
    notRemoved: 0,
    missedReports: 0,
  };
  private readonly nameOf: UploadNames;
  private readonly clock: Clock;
  /** Each file belongs to one upload: no other request gets at it by its name. */
  private readonly files = new Map<string, UploadFile>();
  private readonly work = new Set<Promise<void>>();

  constructor(dir: string, options: UploadFolderOptions) {
    const { recheckMs = 1000 } = options;
    if (!(Number.isSafeInteger(recheckMs) && recheckMs >= 1)) {
      throw new M2Error('M2_OPTION_INVALID', `recheckMs is ${recheckMs}; it must be a whole number from 1.`);
    }
    this.nameOf = uploadNames(options.pattern);
    this.path = usableFolder(dir);
    this.logger = options.logger ?? silentLogger;
    this.clock = options.clock ?? systemClock;
    this.owner = options.owner;
    const { clock, logger } = this;
    this.watcher = new FolderWatcher(this.path, { clock, logger, recheckMs, native: options.watch ?? true });
  }

  // No IO here: it runs for each message of an upload, on the way to every handler. Whether there is such a file, and what
  // it is, is checked on the open file, where nobody can change the answer afterwards.
  locate(start: string): string | undefined {
    const name = this.nameOf(start);
    if (name !== undefined) return join(this.path, name);
    this.counts.refused++;
    return undefined;
  }

  open(path: string, length: number | undefined): StoredFile {
    if (this.files.has(path)) return this.taken(path);
    const file = new UploadFile(path, length, this);
    this.counts.uploads++;
    this.files.set(path, file);
    return file;
  }

  stats(): UploadFolderStats {
    return { ...this.counts, open: this.files.size };
  }

  async settled(): Promise<void> {
    while (this.work.size > 0) await Promise.all(this.work);
  }

  async leftovers(olderThanMs = LEFTOVER_MS): Promise<Leftover[]> {
    const before = this.clock.wall() - olderThanMs;
    const found: Leftover[] = [];
    for (const entry of await readdir(this.path, { withFileTypes: true })) {
      const path = join(this.path, entry.name);
      if (!entry.isFile() || this.files.has(path) || !this.looksLikeUpload(entry.name)) continue;
      const stat = await lstat(path).catch(() => undefined);
      if (stat !== undefined && stat.mtimeMs <= before) found.push({ path, size: stat.size, modified: stat.mtimeMs });
    }
    return found;
  }

  track(work: Promise<void>): void {
    this.work.add(work);
    void work.finally(() => this.work.delete(work));
  }

  release(path: string, file: UploadFile): void {
    if (this.files.get(path) === file) this.files.delete(path);
  }

  /** Two uploads never have one file: the second is a forgery, whoever the first belongs to. */
  private taken(path: string): StoredFile {
    this.counts.refused++;
    const error = new M2Error('M2_UPLOAD_REFUSED', `${path} belongs to another upload, which goes on.`, { details: { path } });
    this.logger.warn(error.message, { error });
    return { read: () => Promise.reject(error), complete() {}, abandon() {}, close() {} };
  }

  private looksLikeUpload(name: string): boolean {
    return this.nameOf(Buffer.from(name).toString('latin1')) !== undefined;
  }
}

function usableFolder(dir: string): string {
  const invalid = (why: string, cause?: unknown): M2Error =>
    new M2Error('M2_UPLOAD_DIR_INVALID', `The upload folder ${JSON.stringify(dir)} ${why}`, { cause, details: { dir } });
  const hint = 'Give the folder of upload.temp_store as this host sees it: below the chroot when Mongrel2 runs as root.';
  let path: string;
  try {
    path = realpathSync(dir);
    if (!statSync(path).isDirectory()) throw invalid(`is no folder. ${hint}`);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (M2Error.is(error)) throw error;
    if (codeOf(error) === 'ENOENT') throw invalid(`does not exist. ${hint}`, error);
    const why = codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM' ? 'may not be used by this user' : 'cannot be used';
    throw invalid(`${why} (${codeOf(error)}). Reading uploads and removing them takes the permissions rwx on it.`, error);
  }
  return path;
}
