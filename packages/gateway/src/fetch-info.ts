import type { HttpExchange, HttpRequest } from '@m2/core';
import type { ClientIdentity } from './client-identity.js';
import type { PendingWork } from './pending-work.js';
import { headerPairs } from './request-headers.js';

/**
 * What an app's second argument says of a request that a `Request` cannot. Hono passes it on as `c.env`, and, since it is
 * the third argument too, as `c.executionCtx`.
 */
export interface FetchInfo {
  /**
   * The client's IP address as Mongrel2 saw it, or as the proxies of the option `trustProxy` say. `::ffff:127.0.0.1` for IPv4
   * clients when Mongrel2 listens on `::`.
   */
  readonly remoteAddress: string;
  /** The route of Mongrel2's configuration that matched, its pattern part included. The path can be shorter than it. */
  readonly pattern: string;
  /** The scheme of the socket that the client is connected to, or as the proxies of the option `trustProxy` say. */
  readonly scheme: 'http' | 'https';
  /** Every header line as a name and a value, in lower case and in the order they came; several of one name are several pairs. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  /** SHA-1 of the client's TLS certificate, 40 capital hexadecimal digits; undefined without one. No client can forge it. */
  readonly peerCertSha1: string | undefined;
  /** Where the app is mounted, without a slash at the end; empty for the root. */
  readonly rootPath: string;
  /** The message as it came from Mongrel2. */
  readonly message: HttpRequest;
  /**
   * Keeps the server from stopping until the promise has settled, or the grace time is over. May be taken off the object.
   * A rejection is logged.
   */
  readonly waitUntil: (promise: PromiseLike<unknown>) => void;
  /** Does nothing; there is no origin server to pass a request on to. For apps that expect it of their third argument. */
  readonly passThroughOnException: () => void;
  /** Empty. For apps that expect it of their third argument. */
  readonly props: Readonly<Record<string, never>>;
}

const NO_PROPS: Readonly<Record<string, never>> = Object.freeze({});
const nothing = (): void => {};

/** The one that is made per request: it holds three references, and builds nothing before it is asked. */
export class ExchangeInfo implements FetchInfo {
  readonly #exchange: HttpExchange;
  readonly #handler: { readonly work: PendingWork; readonly rootPath: string };
  readonly #identity: ClientIdentity | undefined;

  constructor(
    exchange: HttpExchange,
    handler: { readonly work: PendingWork; readonly rootPath: string },
    identity: ClientIdentity | undefined,
  ) {
    this.#exchange = exchange;
    this.#handler = handler;
    this.#identity = identity;
  }

  get message(): HttpRequest {
    return this.#exchange.request as HttpRequest;
  }

  get remoteAddress(): string {
    return (this.#identity ?? this.message).remoteAddress;
  }

  get pattern(): string {
    return this.message.pattern;
  }

  get scheme(): 'http' | 'https' {
    return (this.#identity ?? this.message).scheme;
  }

  get rawHeaders(): readonly (readonly [string, string])[] {
    return headerPairs(this.message.headers);
  }

  get peerCertSha1(): string | undefined {
    const digits = this.message.meta.PEER_CERT_SHA1;
    // Mongrel2 prints one byte too many, a zero (protocol 2.1).
    return typeof digits === 'string' ? digits.slice(0, 40) : undefined;
  }

  get rootPath(): string {
    return this.#handler.rootPath;
  }

  get waitUntil(): (promise: PromiseLike<unknown>) => void {
    const { work } = this.#handler;
    return (promise) => work.add(promise);
  }

  get passThroughOnException(): () => void {
    return nothing;
  }

  get props(): Readonly<Record<string, never>> {
    return NO_PROPS;
  }
}
