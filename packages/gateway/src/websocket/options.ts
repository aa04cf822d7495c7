import { type Clock, type Logger, M2Error, systemClock } from '@m2/core';
import { directIdentity, type IdentityResolver, identityResolver } from '../client-identity.js';
import { type RequestLimits, type ResolvedRequestLimits, resolveRequestLimits } from '../request-limits.js';
import type { Deflate } from './deflate.js';

/** Settings of WebSocket connections. Every field has a default. */
export interface WebSocketOptions {
  /** The longest message that is taken, in bytes, inflated ones as they are inflated; a longer one is closed with 1009. Default 1 MiB. */
  readonly maxPayload?: number;
  /**
   * Bytes of one client's messages that may wait while `upgrade` is busy or a message is being inflated; what comes then
   * is refused with 503 (before the handshake is answered) or closed with 1013. Default 4 MiB, but at least `maxPayload` twice.
   */
  readonly maxQueuedBytes?: number;
  /** Connections at once; handshakes beyond it get 503. Default 100,000. */
  readonly maxPeers?: number;
  /** How long a client has to answer a close frame, in milliseconds; then it is cut off. Default 10,000. */
  readonly closeTimeoutMs?: number;
  /**
   * How often quiet clients are sent a ping, in milliseconds; one that says nothing until the next round is cut off. 0 turns it
   * off: then nothing notices a client that vanished, since m2 keeps quiet connections alive in Mongrel2. Default 30,000.
   */
  readonly heartbeatMs?: number;
  /** Subprotocols that are spoken, the preferred one first. Default none. */
  readonly protocols?: readonly string[];
  /**
   * Which pages may connect: origins such as `https://example.com`, `self` for the Host that was asked for, or a function. Others
   * get 403. A handshake without Origin, from a program that is no browser, passes a list. Default: all (RFC 6455 section 10.2).
   */
  readonly origins?: readonly string[] | ((origin: string | undefined) => boolean);
  /**
   * Compresses messages (permessage-deflate, RFC 7692) for clients that offer it; `nodeDeflate()` of `@m2/gateway/node` does it
   * with zlib. Default none: it costs tens of microseconds a message, where most messages are too short to gain by it.
   */
  readonly deflate?: Deflate;
  /** The shortest message that is compressed, in bytes. Default 1,024. */
  readonly deflateThreshold?: number;
  /** Where the app is mounted, as in `fetchHandler`; handshakes elsewhere get 404. Default: the root. */
  readonly rootPath?: string;
  /** How long the head of a handshake may be, as in `fetchHandler`. */
  readonly limits?: RequestLimits;
  /** Whose `X-Forwarded-` headers are believed, as in `fetchHandler`. Default: nobody's. */
  readonly trustProxy?: readonly string[];
  /** Default: the server's own. */
  readonly logger?: Logger;
  /** Default: the machine's own. */
  readonly clock?: Clock;
}

/** Settings with everything filled in. */
export interface ResolvedWebSocketOptions {
  readonly maxPayload: number;
  readonly maxQueuedBytes: number;
  readonly maxPeers: number;
  readonly closeTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly protocols: readonly string[];
  readonly origins: WebSocketOptions['origins'];
  readonly deflate: Deflate | undefined;
  readonly deflateThreshold: number;
  readonly rootPath: string;
  readonly limits: ResolvedRequestLimits;
  readonly identify: IdentityResolver;
  readonly logger: Logger | undefined;
  readonly clock: Clock;
}

const MIB = 1024 * 1024;

/** Fills in the defaults. @throws M2Error `M2_OPTION_INVALID` for a number out of range, or a subprotocol that is no token. */
export function resolveWebSocketOptions(options: WebSocketOptions): ResolvedWebSocketOptions {
  const maxPayload = whole('maxPayload', options.maxPayload ?? MIB, 1);
  const protocols = options.protocols ?? [];
  for (const protocol of protocols) {
    if (!TOKEN.test(protocol)) {
      throw new M2Error(
        'M2_OPTION_INVALID',
        `The subprotocol ${JSON.stringify(protocol)} is no token: use letters, digits and !#$%&'*+-.^_\`|~.`,
      );
    }
  }
  return {
    maxPayload,
    protocols,
    maxQueuedBytes: whole('maxQueuedBytes', options.maxQueuedBytes ?? Math.max(4 * MIB, 2 * maxPayload), 0),
    maxPeers: whole('maxPeers', options.maxPeers ?? 100_000, 1),
    closeTimeoutMs: whole('closeTimeoutMs', options.closeTimeoutMs ?? 10_000, 0),
    heartbeatMs: whole('heartbeatMs', options.heartbeatMs ?? 30_000, 0),
    origins: options.origins,
    deflate: options.deflate,
    deflateThreshold: whole('deflateThreshold', options.deflateThreshold ?? 1024, 0),
    rootPath: options.rootPath ?? '',
    limits: resolveRequestLimits(options.limits),
    identify: identityResolver(options.trustProxy) ?? directIdentity,
    logger: options.logger,
    clock: options.clock ?? systemClock,
  };
}

/** RFC 9110 section 5.6.2. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function whole(name: string, value: number, from: number): number {
  if (Number.isSafeInteger(value) && value >= from) return value;
  throw new M2Error('M2_OPTION_INVALID', `The WebSocket option ${name} is ${value}; it must be a whole number from ${from}.`, {
    details: { option: name, value },
  });
}
