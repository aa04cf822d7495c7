import { M2Error } from '@m2/core';

/** How long a greeting is (RFC 37: signature 10, version 2, mechanism 20, as-server 1, filler 31). */
export const GREETING_BYTES = 64;

/** What a peer's greeting says. */
export interface Greeting {
  readonly major: number;
  readonly minor: number;
  /** `NULL`, `PLAIN`, `CURVE`. */
  readonly mechanism: string;
}

/** Our greeting: ZMTP 3.1, mechanism NULL. */
export function encodeGreeting(): Buffer {
  const greeting = Buffer.alloc(GREETING_BYTES);
  greeting[0] = 0xff;
  greeting[9] = 0x7f;
  greeting[10] = 3;
  greeting[11] = 1;
  greeting.write('NULL', 12, 'latin1');
  return greeting;
}

/**
 * Checks as much of a greeting as has come, so that whoever speaks something else is cut off at its first bytes.
 * @throws M2Error `M2_PEER_PROTOCOL`
 */
export function checkGreeting(bytes: Buffer): void {
  if (bytes.length > 0 && bytes[0] !== 0xff) throw notZmtp(bytes);
  if (bytes.length > 9 && ((bytes[9] as number) & 1) !== 1) throw notZmtp(bytes);
  const major = bytes[10];
  if (major !== undefined && major < 3) {
    throw new M2Error('M2_PEER_PROTOCOL', `The peer speaks ZMTP ${major}; 3.0 or later is needed (libzmq 4.0 of 2013 has it).`, {
      details: { major },
    });
  }
}

/**
 * Reads a whole greeting.
 * @throws M2Error `M2_PEER_PROTOCOL`
 */
export function decodeGreeting(bytes: Buffer): Greeting {
  checkGreeting(bytes);
  const end = bytes.indexOf(0, 12);
  const mechanism = bytes.toString('latin1', 12, end < 0 || end > 32 ? 32 : end);
  if (mechanism !== 'NULL') {
    throw new M2Error(
      'M2_PEER_PROTOCOL',
      `The peer asks for the security mechanism ${JSON.stringify(mechanism)}; m2 has NULL only, as Mongrel2 has. Join hosts by a private network or a tunnel.`,
      { details: { mechanism } },
    );
  }
  return { major: bytes[10] as number, minor: bytes[11] as number, mechanism };
}

function notZmtp(bytes: Buffer): M2Error {
  return new M2Error(
    'M2_PEER_PROTOCOL',
    `The peer is no ZeroMQ socket: it began with ${JSON.stringify(bytes.toString('latin1', 0, Math.min(16, bytes.length)))}. Check the address.`,
  );
}
