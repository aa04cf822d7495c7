import type { Transform } from 'node:stream';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

/** Content codings (RFC 9110 8.4.1, RFC 7932, RFC 8878). */
export type ContentCoding = 'br' | 'gzip' | 'zstd';

/** A transform that compresses, and gives out what it has when told. */
export interface Compressor extends Transform {
  flush(kind?: number): void;
}

/** How one content coding is made. */
export interface Coder {
  /** One body, in one go; not in this thread. */
  whole(bytes: string | Uint8Array): Promise<Uint8Array>;
  /** One body, piece by piece. */
  stream(): Compressor;
  /** What `flush` is to be called with, so that the client can read all that went in. */
  readonly flush: number;
}

/** How hard to try; each in the numbers of its own library. */
export interface CompressionLevels {
  /** Brotli's quality, 0 to 11. Default 4. */
  readonly br?: number;
  /** 1 to 9. Default 6. */
  readonly gzip?: number;
  /** 1 to 22. Default 3. */
  readonly zstd?: number;
}

/** What Node's zlib has from 22.15 on, of which the types of older ones know nothing. */
interface Zstd {
  createZstdCompress(options: object): Compressor;
  zstdCompress(bytes: string | Uint8Array, options: object, done: (error: Error | null, result: Uint8Array) => void): void;
  readonly constants: Readonly<Record<'ZSTD_e_flush' | 'ZSTD_c_compressionLevel' | 'ZSTD_c_windowLog', number>>;
}

const zstd = zlib as unknown as Partial<Zstd>;
const hasZstd = (value: Partial<Zstd>): value is Zstd => typeof value.createZstdCompress === 'function';

/** The codings that this Node has, the one to be preferred first. */
export const AVAILABLE_CODINGS: readonly ContentCoding[] = hasZstd(zstd) ? ['zstd', 'br', 'gzip'] : ['br', 'gzip'];

/** Windows of 256 KiB: what a stream takes of memory grows with it, and little of a web page is further back. */
const WINDOW_LOG = 18;

/** The coder of a coding; undefined where this Node has none. */
export function coderOf(coding: ContentCoding, levels: CompressionLevels = {}): Coder | undefined {
  if (coding === 'gzip') return gzipCoder(levels.gzip ?? 6);
  if (coding === 'br') return brotliCoder(levels.br ?? 4);
  return hasZstd(zstd) ? zstdCoder(zstd, levels.zstd ?? 3) : undefined;
}

const gzip = promisify(zlib.gzip) as (bytes: string | Uint8Array, options: zlib.ZlibOptions) => Promise<Uint8Array>;
const brotli = promisify(zlib.brotliCompress) as (bytes: string | Uint8Array, options: zlib.BrotliOptions) => Promise<Uint8Array>;

const gzipCoder = (level: number): Coder => ({
  whole: (bytes) => gzip(bytes, { level }),
  stream: () => zlib.createGzip({ level }),
  flush: zlib.constants.Z_SYNC_FLUSH,
});

function brotliCoder(quality: number): Coder {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_OPERATION_FLUSH } = zlib.constants;
  const options = { params: { [BROTLI_PARAM_QUALITY]: quality, [BROTLI_PARAM_LGWIN]: WINDOW_LOG } };
  return {
    whole: (bytes) => brotli(bytes, options),
    stream: () => zlib.createBrotliCompress(options),
    flush: BROTLI_OPERATION_FLUSH,
  };
}

function zstdCoder(library: Zstd, level: number): Coder {
  const { ZSTD_c_compressionLevel, ZSTD_c_windowLog, ZSTD_e_flush } = library.constants;
  const options = { params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_windowLog]: WINDOW_LOG } };
  return {
    whole: (bytes) =>
      new Promise((resolve, reject) => {
        library.zstdCompress(bytes, options, (error, result) => (error === null ? resolve(result) : reject(error)));
      }),
    stream: () => library.createZstdCompress(options),
    flush: ZSTD_e_flush,
  };
}
