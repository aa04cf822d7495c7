import type { HttpRequest } from '../wire/message.js';
import { checkUploadHeaders } from '../wire/upload-headers.js';

/** A stored upload's file as this host sees it, read while Mongrel2 may still be writing it (protocol 7.2). */
export interface StoredFile {
  /**
   * The next bytes; undefined when all of it was read, which is known once `complete()` was called or `length` bytes were
   * there. Rejects with an M2Error when the file cannot be read, or after `close()`.
   */
  read(): Promise<Uint8Array | undefined>;
  /** Mongrel2 has written all of it; from here on the file is ours to remove. */
  complete(): void;
  /**
   * The upload was given up: `read()` rejects with `cause`, and no `complete()` comes any more. Removes the file where Mongrel2
   * has not done it, which may be writing it still and bears that. Idempotent.
   */
  abandon(cause: Error): void;
  /** Reads no more. Removes the file once it is ours: now, or when `complete()` or `abandon()` comes. Idempotent. */
  close(): void;
}

/** Where stored uploads lie. Passed in, because core itself opens no files; `@m2/gateway/node` has the one for folders. */
export interface UploadFiles {
  /**
   * The file that Mongrel2 names `start`, as this host sees it; undefined for a name that is none of Mongrel2's in the
   * upload folder. Any client can forge the name, so it is checked here, links and `..` included, before anything is opened.
   */
  locate(start: string): string | undefined;
  /** Begins to read a located file. `length` is its final size in bytes, undefined for a chunked body. Does not throw. */
  open(file: string, length: number | undefined): StoredFile;
  /** Resolves when every file that was let go of so far is removed; the connection's end waits for it. Absent: nothing to wait for. */
  settled?(): Promise<void>;
}

/** What a message that says it is a stored upload is, after every check. */
export interface StoredUpload {
  /** `done`: only the word that the file named in the start message is complete. */
  readonly phase: 'start' | 'done';
  /** The file as Mongrel2 names it. */
  readonly start: string;
  /** The file as this host sees it; undefined where stored uploads are not set up. */
  readonly path: string | undefined;
  /** Content-Length in bytes; undefined for a chunked body. */
  readonly length: number | undefined;
}

/**
 * Tells a real stored upload from a forged one; undefined for what is to be treated as an ordinary request. Content-Length
 * may be anything from 1: a body that Mongrel2 did not store would have come with the message.
 */
export function classifyStoredUpload(request: HttpRequest, files: UploadFiles | undefined): StoredUpload | undefined {
  const check = checkUploadHeaders(request, { contentLengthLimit: 0 });
  if (!check.ok) return undefined;
  const { start, length } = check;
  const path = files?.locate(start);
  if (files !== undefined && path === undefined) return undefined;
  return { phase: check.done ? 'done' : 'start', start, path, length };
}
