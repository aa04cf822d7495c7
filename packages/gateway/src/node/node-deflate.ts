import { constants, deflateRawSync, inflateRaw, inflateRawSync, type ZlibOptions } from 'node:zlib';
import type { Deflate, Inflated } from '../websocket/deflate.js';

/** How much is compressed how well. Every field has a default. */
export interface NodeDeflateOptions {
  /** zlib's, 1 to 9. Default 3: a third of the time of zlib's own default for nearly the same size. */
  readonly level?: number;
  /** Longer messages go out as they are, so that one of them holds up the others for no more than a few milliseconds. Default 256 KiB. */
  readonly maxDeflateBytes?: number;
}

/** What Node tells of a whole run besides its output, with `info: true`. */
interface WithInfo {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** Output up to so many bytes is inflated at once, in under a millisecond; handing it to a thread costs some 200 microseconds. */
const INFLATE_AT_ONCE = 256 * 1024;
/** What the sender took off (RFC 7692 section 7.2.2). */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
/** After a block with BFINAL there may be the empty one that ends the flush: a byte of header, and the tail. */
const REST_AFTER_FINAL = 1 + TAIL.length;

/** Compression of WebSocket messages with zlib, for the option `deflate`. */
export function nodeDeflate(options: NodeDeflateOptions = {}): Deflate {
  const { level = 3, maxDeflateBytes = 256 * 1024 } = options;
  return {
    // zlib makes 9 of 8 for raw DEFLATE, which a client with a window of 8 could not read.
    minWindowBits: 9,
    deflate(data, windowBits) {
      if (data.length > maxDeflateBytes) return undefined;
      const flushed = deflateRawSync(data, { level, windowBits, finishFlush: constants.Z_SYNC_FLUSH });
      const compressed = flushed.subarray(0, flushed.length - TAIL.length);
      return compressed.length < data.length ? compressed : undefined;
    },
    inflate,
  };
}

function inflate(data: Uint8Array, limit: number): Inflated | Promise<Inflated> {
  const whole = Buffer.concat([data, TAIL]);
  const atOnce = Math.min(limit, INFLATE_AT_ONCE);
  let result: Inflated;
  try {
    result = checked(inflateRawSync(whole, inflateOptions(atOnce)) as unknown as WithInfo, whole.length);
  } catch (error) {
    result = problem(error);
  }
  return result === 'too-large' && atOnce < limit ? inflateLater(whole, limit) : result;
}

const inflateLater = (whole: Buffer, limit: number): Promise<Inflated> =>
  new Promise((resolve) => {
    inflateRaw(whole, inflateOptions(limit), (error, result) => {
      resolve(error === null ? checked(result as unknown as WithInfo, whole.length) : problem(error));
    });
  });

/** zlib stops by itself once there is more than `limit`, so that nothing can be inflated into memory that is not there. */
const inflateOptions = (limit: number): ZlibOptions => ({
  finishFlush: constants.Z_SYNC_FLUSH,
  maxOutputLength: Math.max(1, limit),
  info: true,
});

/** What comes after the end of the stream zlib leaves unread. */
const checked = ({ buffer, engine }: WithInfo, length: number): Inflated =>
  length - engine.bytesWritten <= REST_AFTER_FINAL ? buffer : 'invalid';

const problem = (error: unknown): Inflated =>
  (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'invalid';
