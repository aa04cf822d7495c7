import type { ClientHeaders, RequestBody } from '@m2/core';
import { M2Error } from '@m2/core';
import { toAbortError } from './abort-error.js';
import { toHeaders } from './request-headers.js';
import { bodyStream } from './request-stream.js';

/** What a Request is made from; every HttpExchange is one. */
export interface ExchangeLike {
  readonly request: { readonly method: string; readonly headers: ClientHeaders; readonly body: Uint8Array };
  readonly body: RequestBody;
  readonly signal: AbortSignal;
}

/** How a request's body is there: not at all, whole in memory, or still coming. */
export type BodyKind = 'none' | 'whole' | 'stream';

/** A Request of the Fetch standard has no body for these, whatever the client sent. */
const isBodyless = (method: string): boolean => method === 'GET' || method === 'HEAD';

/** How the body of this request is there. To be asked before it is read. */
export function bodyKindOf({ request, body }: ExchangeLike): BodyKind {
  if (isBodyless(request.method)) return 'none';
  const { whole } = body;
  if (whole === undefined) return 'stream';
  return whole.length === 0 ? 'none' : 'whole';
}

/**
 * A signal that aborts as the exchange's does, with an error that apps know. For a request that is over without an abort
 * it never does.
 */
export function signalOf(source: ExchangeLike): AbortSignal {
  const controller = new AbortController();
  const { signal } = source;
  const abort = (): void => controller.abort(M2Error.is(signal.reason) ? toAbortError(signal.reason) : signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return controller.signal;
}

/** What of a Request was made already, so that it is made once. */
export interface RealRequestParts {
  readonly headers?: Headers | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The platform's own Request. */
export function realRequest(url: string, source: ExchangeLike, kind: BodyKind, parts: RealRequestParts = {}): Request {
  const { request } = source;
  const init: RequestInit & { duplex: 'half' } = {
    method: request.method,
    headers: parts.headers ?? toHeaders(request.headers),
    signal: parts.signal ?? signalOf(source),
    duplex: 'half',
  };
  // The bytes of a whole body stay readable after the exchange, which a stream's do not.
  if (kind === 'whole') init.body = new Uint8Array(request.body);
  else if (kind === 'stream') init.body = bodyStream(source.body);
  return new Request(url, init);
}
