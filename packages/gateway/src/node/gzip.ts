import { hasToken, isBodiless, M2Error } from '@m2/core';
import { knownBody } from '../known-body.js';
import { type NegotiatedCoding, negotiateCoding } from '../middleware/accept-encoding.js';
import { remade, takeBody } from '../middleware/body-chunks.js';
import { isCompressible } from '../middleware/compressible.js';
import type { Middleware } from '../middleware/middleware.js';
import { compressedStream } from './compressed-stream.js';
import { AVAILABLE_CODINGS, type Coder, type CompressionLevels, type ContentCoding, coderOf } from './zlib-codings.js';

/** Settings of `gzip`. Every field has a default. */
export interface GzipOptions {
  /** What may be used, the preferred one first. Default: `zstd` where this Node has it, `br`, `gzip`. */
  readonly codings?: readonly ContentCoding[];
  /** The shortest body of known length that is compressed, in bytes. Default 1,024. */
  readonly minBytes?: number;
  /** How hard to try. */
  readonly levels?: CompressionLevels;
  /** Which Content-Types are worth it. Default: text, JSON, XML and the like. */
  readonly compressible?: (contentType: string | null) => boolean;
}

/** `none`: nobody may change it. `vary`: it goes as it is, but could be compressed for others. */
type Plan = 'none' | 'vary' | 'compress';

/**
 * Middleware that compresses responses for clients that accept it: with gzip, Brotli, and Zstandard where Node has it. Streams are
 * given out piece by piece. Left alone are: what is encoded already, `Cache-Control: no-transform`, parts (206), what has a digest,
 * short bodies, and types that gain nothing.
 * @throws M2Error `M2_OPTION_INVALID` for a coding that this Node has not, or a number out of range.
 */
export function gzip(options: GzipOptions = {}): Middleware {
  const work = new Gzip(options);
  return function gzip(request, next) {
    return work.handle(request, next);
  };
}

class Gzip {
  private readonly coders = new Map<ContentCoding, Coder>();
  private readonly codings: readonly ContentCoding[];
  private readonly minBytes: number;
  private readonly compressible: (contentType: string | null) => boolean;

  constructor({ codings = AVAILABLE_CODINGS, minBytes = 1024, levels, compressible = isCompressible }: GzipOptions) {
    if (!Number.isSafeInteger(minBytes) || minBytes < 0) throw invalid('minBytes', minBytes, 'a whole number from 0');
    for (const coding of codings) {
      const coder = AVAILABLE_CODINGS.includes(coding) ? coderOf(coding, levels) : undefined;
      if (coder === undefined) throw invalid('codings', coding, `one of ${AVAILABLE_CODINGS.join(', ')}, which this Node has`);
      checkLevel(coding, levels?.[coding]);
      this.coders.set(coding, coder);
    }
    this.codings = [...this.coders.keys()];
    this.minBytes = minBytes;
    this.compressible = compressible;
  }

  async handle(request: Request, next: () => Promise<Response>): Promise<Response> {
    const wanted = negotiateCoding(request.headers.get('accept-encoding'), this.codings);
    // Before the app does anything: it could not be undone.
    if (wanted === undefined) return notAcceptable();
    const response = await next();
    const plan = this.plan(request, response, wanted);
    if (plan === 'none') return response;
    const coder = wanted.coding === undefined ? undefined : this.coders.get(wanted.coding);
    if (plan === 'vary' || coder === undefined || wanted.coding === undefined) return withVary(response);
    return this.compress(request, response, wanted as WantedCoding, coder);
  }

  private plan(request: Request, response: Response, wanted: NegotiatedCoding<ContentCoding>): Plan {
    const { status, headers } = response;
    if (isBodiless(status)) return status === 304 ? 'vary' : 'none';
    if (status === 205 || status === 206 || headers.has('content-range')) return 'none';
    if (hasToken(headers.get('cache-control') ?? '', 'no-transform')) return 'none';
    const coded = headers.get('content-encoding') ?? '';
    if (coded !== '' && coded.trim().toLowerCase() !== 'identity') return 'none';
    if (DIGESTS.some((name) => headers.has(name))) return 'none';
    const forced = !wanted.identity;
    if (!forced && !this.compressible(headers.get('content-type'))) return 'none';
    const size = declaredSize(request, response);
    if (wanted.coding === undefined || size === 'nothing') return 'vary';
    return forced || size === 'unknown' || size >= this.minBytes ? 'compress' : 'vary';
  }

  private async compress(request: Request, response: Response, wanted: WantedCoding, coder: Coder): Promise<Response> {
    const headers = codedHeaders(response.headers, wanted.coding);
    const { body } = response;
    if (request.method === 'HEAD' || body === null) {
      // It says what GET would; how long that is, nobody knows before it is compressed.
      void body?.cancel().catch(() => {});
      return remade(response, headers, null);
    }
    const taken = await takeBody(response, body);
    if (!('whole' in taken)) return remade(response, headers, compressedStream(taken.chunks, coder) as BodyInit);
    const { whole } = taken;
    const plain = typeof whole === 'string' ? Buffer.from(whole) : whole;
    const compressed = plain.length < this.minBytes && wanted.identity ? plain : await coder.whole(plain);
    if (compressed.length >= plain.length && wanted.identity) {
      const unchanged = new Headers(response.headers);
      addVary(unchanged);
      return remade(response, unchanged, plain as BodyInit);
    }
    return remade(response, headers, compressed as BodyInit);
  }
}

/** zlib takes some numbers that it does not have. */
function checkLevel(coding: ContentCoding, level: number | undefined): void {
  const [from, to] = LEVELS[coding];
  if (level === undefined || (Number.isInteger(level) && level >= from && level <= to)) return;
  throw invalid(`levels.${coding}`, level, `a whole number from ${from} to ${to}`);
}

const LEVELS: Readonly<Record<ContentCoding, readonly [from: number, to: number]>> = { br: [0, 11], gzip: [1, 9], zstd: [1, 22] };

type WantedCoding = NegotiatedCoding<ContentCoding> & { readonly coding: ContentCoding };

/** They are about the bytes that would be changed (RFC 9530). */
const DIGESTS = ['content-digest', 'repr-digest', 'digest', 'content-md5'] as const;

/** Bytes of the body, where they are known before it is read; `nothing` for HEAD when nobody says what GET would have. */
function declaredSize({ method }: Request, response: Response): number | 'unknown' | 'nothing' {
  const declared = response.headers.get('content-length');
  if (declared !== null && /^\d{1,15}$/.test(declared)) return Number(declared);
  if (response.body === null) return method === 'HEAD' ? 'nothing' : 0;
  const known = knownBody(response);
  return known === undefined ? 'unknown' : known.length;
}

function codedHeaders(from: Headers, coding: ContentCoding): Headers {
  const headers = new Headers(from);
  headers.set('content-encoding', coding);
  headers.delete('content-length');
  // Ranges would be those of the body before it was compressed.
  headers.delete('accept-ranges');
  const etag = headers.get('etag');
  // The same page in other bytes: no strong validator says that (RFC 9110 8.8.1).
  if (etag?.startsWith('"')) headers.set('etag', `W/${etag}`);
  addVary(headers);
  return headers;
}

function addVary(headers: Headers): void {
  const vary = headers.get('vary') ?? '';
  if (vary.trim() === '*' || hasToken(vary, 'accept-encoding')) return;
  headers.append('vary', 'Accept-Encoding');
}

function withVary(response: Response): Response {
  try {
    addVary(response.headers);
    return response;
  } catch {
    // What fetch() and Response.redirect() gave has headers that cannot be changed.
    const headers = new Headers(response.headers);
    addVary(headers);
    return remade(response, headers, response.body);
  }
}

const notAcceptable = (): Response =>
  new Response('Not Acceptable\n', {
    status: 406,
    headers: { 'content-type': 'text/plain; charset=utf-8', vary: 'Accept-Encoding' },
  });

const invalid = (option: string, value: unknown, wanted: string): M2Error =>
  new M2Error('M2_OPTION_INVALID', `gzip: ${option} is ${JSON.stringify(value)}; it must be ${wanted}.`, {
    details: { option, value },
  });
