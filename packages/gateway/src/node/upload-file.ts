import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Logger, M2Error, type StoredFile } from '@m2/core';
import { codeOf, type FileIdentity, openUpload, removeUpload } from './upload-identity.js';
import type { FolderWatcher } from './upload-watcher.js';

/** The most that one `read()` gives, in bytes. */
export const CHUNK_BYTES = 64 * 1024;

/** What an upload folder has counted since it was made. */
export interface UploadCounts {
  /** Uploads whose files were handed to a request. */
  uploads: number;
  /** Bytes read. */
  bytes: number;
  /** Names and files that cannot be Mongrel2's; they were neither read nor removed. */
  refused: number;
  /** Files that could not be opened or read, or had another size in the end than the request said. */
  failed: number;
  /** Files removed here. */
  removed: number;
  /** Files that were gone when they were to be removed: Mongrel2 removes those of uploads that break off. */
  gone: number;
  /** Files that could not be removed; each was logged. */
  notRemoved: number;
  /** Bytes that were found by looking again, without a report of the system. */
  missedReports: number;
}

/** What a file needs of its folder. */
export interface UploadSurroundings {
  readonly watcher: FolderWatcher;
  readonly counts: UploadCounts;
  readonly logger: Logger;
  /** The user id that files must belong to; undefined for any. */
  readonly owner: number | undefined;
  /** Work that has to be done before the process may end. */
  track(work: Promise<void>): void;
  /** Nothing more will happen to the file. */
  release(path: string, file: UploadFile): void;
}

/**
 * One stored upload's file, read while Mongrel2 may still be writing it (protocol 7.2). Nothing is opened before it is read,
 * or is to be removed. The file is removed when it is ours: after `complete()`, when all bytes were there, or when the upload was
 * given up; Mongrel2 bears it that a file it still writes has lost its name.
 */
export class UploadFile implements StoredFile {
  private handle: FileHandle | undefined;
  private identity: FileIdentity | undefined;
  private position = 0;
  /** Mongrel2 has written all of it. */
  private completed = false;
  /** All of it was read. */
  private ended = false;
  /** Why it is not read any more. */
  private over: Error | undefined;
  private abandoned = false;
  private refused = false;
  private reading = false;
  private removing = false;
  /** It may have changed since it was last read. */
  private dirty = false;
  /** It was looked at again without a report. */
  private rechecked = false;
  private wake: (() => void) | undefined;
  private unwatch: (() => void) | undefined;
  private spare: Buffer | undefined;
  private readEnded: (() => void) | undefined;

  constructor(
    private readonly path: string,
    private readonly length: number | undefined,
    private readonly around: UploadSurroundings,
  ) {}

  async read(): Promise<Uint8Array | undefined> {
    if (this.reading) {
      throw new M2Error('M2_EXCHANGE_STATE', 'A request body has one reader: wait for read() before the next.');
    }
    if (this.over !== undefined) throw this.over;
    if (this.ended) return undefined;
    this.reading = true;
    try {
      return await this.next();
    } catch (error) {
      throw this.failed(error);
    } finally {
      this.reading = false;
      if (this.over !== undefined || this.ended) this.letGo();
      this.readEnded?.();
    }
  }

  complete(): void {
    this.completed = true;
    this.changed(false);
    if (!this.reading && (this.over !== undefined || this.ended)) this.letGo();
  }

  abandon(cause: Error): void {
    this.abandoned = true;
    this.stop(cause);
  }

  close(): void {
    if (this.over !== undefined) return;
    this.stop(new M2Error('M2_EXCHANGE_STATE', 'The response was complete before all of the request body was read.'));
  }

  private stop(cause: Error): void {
    this.over ??= cause;
    this.changed(false);
    if (!this.reading) return this.letGo();
    if (this.readEnded !== undefined) return;
    // The file is let go of when that read ends, which whoever waits for removals has to wait for as well.
    this.around.track(
      new Promise((resolve) => {
        this.readEnded = resolve;
      }),
    );
  }

  // --- reading ------------------------------------------------------------------------------------------------------

  private async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      // What is read after this was seen is all that there is.
      const { completed } = this;
      this.dirty = false;
      const bytes = await this.some();
      if (this.over !== undefined) throw this.over;
      if (bytes !== undefined) return bytes;
      if (completed || this.position === this.length) {
        this.checkSize();
        this.ended = true;
        return undefined;
      }
      if (this.unwatch === undefined) this.unwatch = this.around.watcher.add(basename(this.path), this.changed);
      else await this.change();
    }
  }

  /** The next bytes that are there; undefined for none. */
  private async some(): Promise<Uint8Array | undefined> {
    const room = this.length === undefined ? CHUNK_BYTES : Math.min(CHUNK_BYTES, this.length - this.position);
    const handle = await this.open();
    if (room === 0) return undefined;
    // Of its own: whoever takes the bytes may take their buffer.
    const buffer = this.spare ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, room, this.position);
    this.spare = bytesRead === CHUNK_BYTES ? undefined : buffer;
    if (bytesRead === 0) return undefined;
    this.position += bytesRead;
    this.around.counts.bytes += bytesRead;
    if (this.rechecked) this.around.counts.missedReports++;
    this.rechecked = false;
    return bytesRead === CHUNK_BYTES ? buffer : new Uint8Array(buffer.subarray(0, bytesRead));
  }

  private async open(): Promise<FileHandle> {
    if (this.handle !== undefined) return this.handle;
    const { identity, around } = this;
    const opened = await openUpload(this.path, { owner: around.owner, identity });
    this.handle = opened.handle;
    this.identity = opened.identity;
    return opened.handle;
  }

  // More than was announced is no fault: of requests that a client sends ahead, Mongrel2 1.12 writes the first bytes behind the
  // body into its file (and answers the next with 400). They are nothing of this request.
  private checkSize(): void {
    const { length, position: size } = this;
    if (length === undefined || size === length) return;
    throw new M2Error(
      'M2_UPLOAD_INCOMPLETE',
      `The upload ${this.path} has only ${size} of the ${length} bytes that its request announced.`,
      {
        details: { path: this.path, size, length },
      },
    );
  }

  private readonly changed = (recheck: boolean): void => {
    const { wake } = this;
    this.rechecked = recheck && wake !== undefined;
    this.dirty = true;
    this.wake = undefined;
    wake?.();
  };

  private change(): Promise<void> {
    if (this.dirty) return Promise.resolve();
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  /** Reading failed, for a reason of ours or because nobody wants to read any more. */
  private failed(error: unknown): Error {
    if (this.over !== undefined) return this.over;
    this.note(error);
    this.over = M2Error.is(error) ? error : unreadable(this.path, error);
    return this.over;
  }

  private note(error: unknown): void {
    const { counts, logger } = this.around;
    if (M2Error.is(error) && error.code === 'M2_UPLOAD_REFUSED') {
      this.refused = true;
      counts.refused++;
      logger.warn(error.message, { error });
    } else counts.failed++;
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  /** Nobody reads any more: the file goes when it is ours, else only what was open here. */
  private letGo(): void {
    this.unwatch?.();
    this.unwatch = undefined;
    this.spare = undefined;
    if (this.removing) return;
    if (this.refused) {
      this.removing = true;
      this.around.release(this.path, this);
    } else if (this.completed || this.abandoned || this.ended) {
      this.removing = true;
      this.around.track(this.remove());
    } else if (this.handle !== undefined) this.around.track(this.closeHandle());
  }

  private async remove(): Promise<void> {
    const { counts, logger } = this.around;
    try {
      await this.open();
      await removeUpload(this.path, this.identity as FileIdentity);
      counts.removed++;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') this.missing();
      else if (M2Error.is(error)) this.note(error);
      else {
        counts.notRemoved++;
        const told = notRemoved(this.path, error);
        logger.warn(told.message, { error: told });
      }
    } finally {
      await this.closeHandle();
      this.around.release(this.path, this);
    }
  }

  /** Mongrel2 removes only what it had not completed. */
  private missing(): void {
    this.around.counts.gone++;
    if (!this.completed || this.abandoned || this.identity !== undefined) return;
    this.around.logger.warn(
      `Mongrel2 has completed the upload ${this.path}, but there is no such file. Is the upload folder that of upload.temp_store, as this host sees it?`,
    );
  }

  private async closeHandle(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    // What was only read has nothing to lose.
    await handle?.close().catch(() => {});
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function unreadable(path: string, cause: unknown): M2Error {
  const hint =
    codeOf(cause) === 'EACCES'
      ? "Let this user read it: set upload.temp_store_mode to '0660' and share a group with Mongrel2's user."
      : codeOf(cause) === 'ENOENT'
        ? 'Is the upload folder that of upload.temp_store, as this host sees it?'
        : 'See cause.';
  return new M2Error('M2_UPLOAD_UNREADABLE', `The upload ${path} cannot be read: ${reason(cause)}. ${hint}`, {
    cause,
    details: { path },
  });
}

const notRemoved = (path: string, cause: unknown): M2Error =>
  new M2Error(
    'M2_UPLOAD_NOT_REMOVED',
    `The upload ${path} could not be removed: ${reason(cause)}. Remove it by hand, and let this user write to its folder.`,
    { cause, details: { path } },
  );
