import type { HttpRequest, WebSocketHandshake } from '@m2/core';

/** What a `tls.TLSSocket` has besides a `net.Socket`: the little that Mongrel2 tells of a client's TLS connection. */
export interface TlsParts {
  /** Always false: whether Mongrel2 has verified the client's certificate is in its configuration, and not in its messages. */
  readonly authorized: boolean;
  readonly authorizationError: string;
  readonly alpnProtocol: false;
  /** Its `fingerprint` (SHA-1) is all that is known of the client's certificate; empty without one. */
  getPeerCertificate(): { fingerprint?: string };
  getProtocol(): null;
  getCipher(): undefined;
  isSessionReused(): boolean;
}

/** Own properties for a socket, which plain ones do not have: apps tell the two apart by them. */
export const tlsParts = (message: HttpRequest | WebSocketHandshake): TlsParts => ({
  authorized: false,
  authorizationError: 'NOT_VERIFIED_HERE',
  alpnProtocol: false,
  getPeerCertificate: () => certificateOf(message),
  getProtocol: () => null,
  getCipher: () => undefined,
  isSessionReused: () => false,
});

function certificateOf({ meta }: HttpRequest | WebSocketHandshake): { fingerprint?: string } {
  const digits = meta.PEER_CERT_SHA1;
  if (typeof digits !== 'string') return {};
  // Mongrel2 prints one byte too many, a zero (protocol 2.1).
  return { fingerprint: digits.slice(0, 40).match(/../g)?.join(':') ?? '' };
}
