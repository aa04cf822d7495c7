import { concatBytes, isBodiless, M2Error, utf8Bytes } from '@m2/core';
import { isEventStream } from '../stream-pump.js';
import { remade, takeBody } from './body-chunks.js';
import type { Middleware } from './middleware.js';

/** Settings of `buffer`. */
export interface BufferOptions {
  /** The longest body that is collected, in bytes; a longer one streams on from there. Default 1 MiB. */
  readonly maxBytes?: number;
}

/**
 * Middleware that collects a streamed response into one with a Content-Length, as long as it is no longer than `maxBytes`; beyond
 * that it streams on. The client gets nothing before the end, or the bound. Streams of events are left alone, and so is what the
 * app marks with the header `X-Accel-Buffering: no`.
 * @throws M2Error `M2_OPTION_INVALID` for a bound that is no whole number from 1.
 */
export function buffer({ maxBytes = 1024 * 1024 }: BufferOptions = {}): Middleware {
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new M2Error('M2_OPTION_INVALID', `buffer: maxBytes is ${maxBytes}; it must be a whole number from 1.`, {
      details: { option: 'maxBytes', value: maxBytes },
    });
  }
  return async function buffer(request, next) {
    const response = await next();
    const { body } = response;
    return body === null || isLeftAlone(request, response) ? response : collected(request, response, body, maxBytes);
  };
}

const isLeftAlone = (request: Request, response: Response): boolean =>
  request.method === 'HEAD' ||
  isBodiless(response.status) ||
  // Whoever says how long it is needs no help.
  response.headers.has('content-length') ||
  isEventStream(response) ||
  response.headers.get('x-accel-buffering')?.trim().toLowerCase() === 'no';

async function collected(
  request: Request,
  response: Response,
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Response> {
  const taken = await takeBody(response, body);
  const headers = new Headers(response.headers);
  if ('whole' in taken) return withLength(response, headers, taken.whole);
  const { chunks } = taken;
  // Nobody else looks after the body before it is in a Response.
  const leave = (): void => chunks.cancel(request.signal.reason);
  request.signal.addEventListener('abort', leave, { once: true });
  try {
    const parts: Uint8Array[] = [];
    let size = 0;
    for (let chunk = await chunks.read(); chunk !== undefined; chunk = await chunks.read()) {
      parts.push(chunk);
      size += chunk.length;
      if (size > maxBytes) {
        chunks.unread(parts);
        return remade(response, headers, chunks.stream() as BodyInit);
      }
    }
    return withLength(response, headers, concatBytes(parts));
  } finally {
    request.signal.removeEventListener('abort', leave);
  }
}

function withLength(response: Response, headers: Headers, body: string | Uint8Array): Response {
  // As bytes, since a text would get a Content-Type that the app may have left out.
  const bytes = typeof body === 'string' ? utf8Bytes(body) : body;
  headers.set('content-length', `${bytes.length}`);
  return remade(response, headers, bytes as BodyInit);
}
