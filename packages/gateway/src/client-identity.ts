import type { HeaderValue, HttpFields, MessageBase } from '@m2/core';
import { isAddress, TrustedAddresses } from './trusted-addresses.js';

/** Who asked, and how they called us. */
export interface ClientIdentity {
  /** The client's IP address. */
  readonly remoteAddress: string;
  /** The scheme that the client used. */
  readonly scheme: 'http' | 'https';
  /** Host and perhaps port as the client asked for them, not checked yet; undefined when it named none, or several. */
  readonly host: string | undefined;
}

/** What a request and a handshake both have. */
export type IdentifiedMessage = Pick<MessageBase, 'header'> & Pick<HttpFields, 'remoteAddress' | 'scheme'>;

/** Says who asked. */
export type IdentityResolver = (message: IdentifiedMessage) => ClientIdentity;

/**
 * Finds out who is behind trusted proxies, by `X-Forwarded-For`, `-Proto` and `-Host`; undefined for an empty list, when nobody
 * but Mongrel2 is believed. What a client itself wrote into these headers is never believed: the address is the rightmost that
 * is not trusted, and the other two are taken from where the outermost trusted proxy put them.
 * @throws M2Error `M2_OPTION_INVALID` for an entry that is neither an address, a range nor a name.
 */
export function identityResolver(trustProxy: readonly string[] | undefined): IdentityResolver | undefined {
  if (trustProxy === undefined || trustProxy.length === 0) return undefined;
  const trusted = new TrustedAddresses(trustProxy);
  return (message) => resolve(message, trusted);
}

/** What Mongrel2 itself says, which no client can forge. */
export function directIdentity(message: IdentifiedMessage): ClientIdentity {
  const host = message.header('host');
  return { remoteAddress: message.remoteAddress, scheme: message.scheme, host: typeof host === 'string' ? host : undefined };
}

function resolve(message: IdentifiedMessage, trusted: TrustedAddresses): ClientIdentity {
  const direct = directIdentity(message);
  if (!trusted.has(direct.remoteAddress)) return direct;
  // Mongrel2's peer is a proxy that speaks for somebody else. Each further one added what it saw at the right.
  let { remoteAddress } = direct;
  let hops = 1;
  const chain = listOf(message.header('x-forwarded-for'));
  for (let at = chain.length - 1; at >= 0; at--) {
    const address = withoutPort(chain[at] ?? '');
    // `unknown`, or a name that stands for an address: nothing left of it can be believed.
    if (!isAddress(address)) break;
    remoteAddress = address;
    if (!trusted.has(address)) break;
    hops++;
  }
  const scheme = said(message.header('x-forwarded-proto'), hops)?.toLowerCase();
  return {
    remoteAddress,
    scheme: scheme === 'http' || scheme === 'https' ? scheme : direct.scheme,
    host: said(message.header('x-forwarded-host'), hops) ?? direct.host,
  };
}

/** What the outermost of `hops` trusted proxies said: whatever is left of that, the client may have written. */
function said(value: HeaderValue | undefined, hops: number): string | undefined {
  const list = listOf(value);
  return list[Math.max(0, list.length - hops)];
}

const listOf = (value: HeaderValue | undefined): readonly string[] =>
  value === undefined
    ? []
    : (typeof value === 'string' ? value : value.join(','))
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== '');

/** Some proxies add the port. */
const withoutPort = (text: string): string =>
  /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
