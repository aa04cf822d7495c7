import { MAX_INT32 } from './decimal.js';
import type { ClientHeaders, HttpRequest } from './message.js';

/** What the pure checks of a stored upload need to know. */
export interface UploadCheckOptions {
  /** Mongrel2's limits.content_length in bytes: only longer bodies are stored. */
  readonly contentLengthLimit: number;
}

/** Why a message that claims to be a stored upload is none. */
export type UploadRefusal =
  /** No upload-start header, or a streamed upload. */
  | 'not-stored'
  /** A stored upload's messages never carry a body. */
  | 'body-not-empty'
  /** Several upload-start headers, or an empty one: Mongrel2 writes exactly one. */
  | 'start-not-single'
  /** The name has a NUL byte or a `..` segment: mkstemp makes neither. */
  | 'start-suspicious'
  /** Content-Length is not plain digits above the limit and at most 2^31 - 1. */
  | 'content-length'
  /** No Content-Length, and Transfer-Encoding is not exactly `chunked`. */
  | 'transfer-encoding';

/** What {@link checkUploadHeaders} finds. */
export type UploadCheck =
  | {
      readonly ok: true;
      /** The file as Mongrel2 names it, inside its chroot. Not yet compared with upload.temp_store. */
      readonly start: string;
      /** upload-done is there and names the same file. Believe it only after a start was seen, or when the file's size is `length`. */
      readonly done: boolean;
      /** upload-done is there but is a client's invention: in a start message, where Mongrel2 does not replace it. */
      readonly doneForged: boolean;
      /** Content-Length in bytes; undefined for a chunked body. */
      readonly length: number | undefined;
    }
  | { readonly ok: false; readonly reason: UploadRefusal };

const refused = (reason: UploadRefusal): UploadCheck => ({ ok: false, reason });

function checkLength(headers: ClientHeaders, limit: number): number | 'chunked' | UploadRefusal {
  const lengths = headers.get('content-length');
  if (lengths === undefined) return headers.get('transfer-encoding') === 'chunked' ? 'chunked' : 'transfer-encoding';
  // Of two lengths Mongrel2 goes by the first (protocol 6).
  const first = typeof lengths === 'string' ? lengths : lengths[0];
  // Leading zeros are plain digits as well, and Mongrel2's atoi() skips them; signs and blanks are refused though it takes them.
  const length = first !== undefined && /^0*\d{1,10}$/.test(first) ? Number(first) : 0;
  return length > limit && length <= MAX_INT32 ? length : 'content-length';
}

/**
 * The conditions of protocol 7.2 that need no file system. Any client can send `x-mongrel2-upload-start` and `-done`, so
 * a file may be opened or deleted only when this says ok **and** the file lies in upload.temp_store's directory, matches
 * its pattern, and `done` is believed for a reason. When refused: ignore both headers and treat the request as ordinary.
 */
export function checkUploadHeaders(request: HttpRequest, options: UploadCheckOptions): UploadCheck {
  if (request.upload?.type !== 'stored') return refused('not-stored');
  const { start, done } = request.upload;
  if (request.body.length > 0) return refused('body-not-empty');
  if (typeof start !== 'string' || start === '') return refused('start-not-single');
  if (start.includes('\0') || start.split('/').includes('..')) return refused('start-suspicious');
  const length = checkLength(request.headers, options.contentLengthLimit);
  if (typeof length === 'string' && length !== 'chunked') return refused(length);
  return {
    ok: true,
    start,
    done: done === start,
    doneForged: done !== undefined && done !== start,
    length: length === 'chunked' ? undefined : length,
  };
}
