import { M2Error } from '@m2/core';
import type { Offer } from './handshake.js';
import type { Acceptance } from './hooks.js';

/** What the 101 says beyond the accept value. */
export interface Accepted {
  readonly protocol: string;
  /** 0: no compression. */
  readonly windowBits: number;
  readonly headers: readonly (readonly [string, string])[];
}

/** These m2 says itself; an app that sets them by hand would break the handshake. */
const OWN = new Set(['sec-websocket-accept', 'sec-websocket-extensions', 'sec-websocket-version']);

/**
 * The answer to a handshake (RFC 6455 section 4.2.2).
 * @throws M2Error `M2_OPTION_INVALID` for a subprotocol that was not offered, or a header that is m2's own.
 */
export function accept<Context>(answer: Acceptance<Context>, offer: Offer, spoken: readonly string[], context: string): Accepted {
  const headers: (readonly [string, string])[] = [];
  let protocol = answer.protocol;
  for (const [name, value] of answer.headers === undefined ? [] : new Headers(answer.headers)) {
    if (OWN.has(name)) {
      throw new M2Error(
        'M2_OPTION_INVALID',
        `${context}: upgrade() gave the header ${name}, which m2 sets itself. Leave it out.`,
      );
    }
    if (name === 'sec-websocket-protocol') protocol ??= value;
    else headers.push([name, value]);
  }
  protocol ??= spoken.find((one) => offer.protocols.includes(one)) ?? '';
  if (protocol !== '' && !offer.protocols.includes(protocol)) {
    throw new M2Error(
      'M2_OPTION_INVALID',
      `${context}: upgrade() chose the subprotocol ${JSON.stringify(protocol)}, which the client did not offer (${offer.protocols.join(', ') || 'it offered none'}). Choose one of info.protocols.`,
    );
  }
  if (protocol !== '') headers.push(['Sec-WebSocket-Protocol', protocol]);
  if (offer.deflate !== undefined) headers.push(['Sec-WebSocket-Extensions', offer.deflate.header]);
  return { protocol, windowBits: offer.deflate?.windowBits ?? 0, headers };
}
