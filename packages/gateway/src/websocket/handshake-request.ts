import type { HttpExchange, HttpRequest, WebSocketHandshake } from '@m2/core';
import { lightRequest, lightRequestsPass } from '../light-request.js';
import type { Refusal } from '../refusal.js';
import { checkLimits } from '../request-limits.js';
import { type ExchangeLike, realRequest } from '../request-source.js';
import { RequestTargets } from '../request-target.js';
import type { ResolvedWebSocketOptions } from './options.js';

const NO_BYTES = new Uint8Array(0);

/** A handshake has none. */
const NO_BODY: ExchangeLike['body'] = Object.freeze({
  length: 0,
  whole: NO_BYTES,
  read: () => Promise.resolve(undefined),
  cancel: () => {},
});

/** Makes the Requests of handshakes. */
export class HandshakeRequests {
  private readonly targets: RequestTargets;
  private readonly toRequest: (url: string, source: ExchangeLike) => Request;

  /** @throws M2Error `M2_OPTION_INVALID` for a root path that is none. */
  constructor(private readonly options: Pick<ResolvedWebSocketOptions, 'rootPath' | 'limits' | 'identify'>) {
    this.targets = new RequestTargets(options.rootPath);
    this.toRequest = lightRequestsPass() ? lightRequest : (url, source) => realRequest(url, source, 'none');
  }

  /** The handshake's URL below the root path, or why it is refused. */
  url(message: WebSocketHandshake): string | Refusal {
    const refusal = checkLimits(message, this.options.limits);
    if (refusal !== undefined) return refusal;
    // What makes the two kinds differ has no part in a URL.
    return this.targets.url(message as unknown as HttpRequest, this.options.identify(message));
  }

  /** For `upgrade`: its signal aborts when the client leaves before it is answered. */
  make(url: string, exchange: HttpExchange, message: WebSocketHandshake): Request {
    return this.toRequest(url, {
      request: requestOf(message),
      body: NO_BODY,
      get signal() {
        return exchange.signal;
      },
    });
  }

  /** For a peer, once the handshake is over. Its signal never aborts. */
  again(message: WebSocketHandshake): Request {
    const url = this.url(message);
    return this.toRequest(typeof url === 'string' ? url : 'http://localhost/', {
      request: requestOf(message),
      body: NO_BODY,
      signal: new AbortController().signal,
    });
  }
}

/** Mongrel2 puts a word of its own in the place of the method (protocol 9); a client may use only this one (RFC 6455 4.1). */
const requestOf = (message: WebSocketHandshake): ExchangeLike['request'] => ({
  method: 'GET',
  headers: message.headers,
  body: NO_BYTES,
});
