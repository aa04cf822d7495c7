import { type HeaderPairs, type HeaderValue, hasToken, type WebSocketHandshake } from '@m2/core';
import { agreeOnDeflate, type DeflateAgreement, parseExtensions } from './extension-offer.js';
import { type ResolvedWebSocketOptions, TOKEN } from './options.js';

/** What a valid handshake offers. */
export interface Offer {
  readonly protocols: readonly string[];
  readonly deflate: DeflateAgreement | undefined;
}

/** Why a handshake is refused, as an answer. */
export interface HandshakeRefusal {
  readonly status: number;
  /** Told to the client. */
  readonly text: string;
  readonly headers?: HeaderPairs;
}

/** 16 bytes in base64; the last character before the padding has four bits that say nothing, which many do not set to zero. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;
const NONE: readonly string[] = Object.freeze([]);

/**
 * Checks what Mongrel2 does not (RFC 6455 sections 4.1 and 4.2.1, protocol 9). The method cannot be checked: Mongrel2 puts
 * its own in its place; that a body was announced can.
 */
export function checkHandshake(message: WebSocketHandshake, options: ResolvedWebSocketOptions): Offer | HandshakeRefusal {
  if (message.version !== 'HTTP/1.1') return bad('the handshake is not of HTTP/1.1');
  if (hasBody(message)) return bad('a handshake has no body');
  const version = message.header('sec-websocket-version');
  if (version !== '13') {
    return {
      status: 426,
      text: 'This server speaks version 13 of the WebSocket protocol.',
      headers: [['Sec-WebSocket-Version', '13']],
    };
  }
  const upgrade = joined(message.header('upgrade'));
  if (upgrade === undefined || !hasToken(upgrade, 'websocket')) return bad('Upgrade is not websocket');
  const key = message.header('sec-websocket-key');
  if (typeof key !== 'string' || !KEY.test(key)) return bad('Sec-WebSocket-Key is not 16 bytes in base64');
  if (!isOriginAllowed(message, options)) return { status: 403, text: 'This origin may not connect.' };
  const protocols = parseProtocols(message.header('sec-websocket-protocol'));
  if (protocols === undefined) return bad('Sec-WebSocket-Protocol is not a list of different tokens');
  const extensions = joined(message.header('sec-websocket-extensions'));
  if (extensions === undefined || options.deflate === undefined) return { protocols, deflate: undefined };
  const offers = parseExtensions(extensions);
  if (offers === undefined) return bad('Sec-WebSocket-Extensions is malformed');
  return { protocols, deflate: agreeOnDeflate(offers, options.deflate.minWindowBits) };
}

const bad = (reason: string): HandshakeRefusal => ({ status: 400, text: `Bad Request: ${reason}.` });

const joined = (value: HeaderValue | undefined): string | undefined => (typeof value === 'object' ? value.join(', ') : value);

/** What Mongrel2 would go on to read as frames. */
function hasBody(message: WebSocketHandshake): boolean {
  if (message.header('transfer-encoding') !== undefined) return true;
  const length = message.header('content-length');
  return length !== undefined && joined(length) !== '0';
}

function parseProtocols(value: HeaderValue | undefined): readonly string[] | undefined {
  const text = joined(value);
  if (text === undefined) return NONE;
  const protocols = text.split(',').map((one) => one.trim());
  // RFC 6455 4.1: each of them must be unique.
  return protocols.every((one) => TOKEN.test(one)) && new Set(protocols).size === protocols.length ? protocols : undefined;
}

function isOriginAllowed(message: WebSocketHandshake, { origins, identify }: ResolvedWebSocketOptions): boolean {
  if (origins === undefined) return true;
  const origin = joined(message.header('origin'));
  if (typeof origins === 'function') return origins(origin);
  if (origin === undefined) return true;
  if (origins.includes(origin)) return true;
  // The scheme is left out: what is https to the browser can be http to Mongrel2 behind a proxy.
  return origins.includes('self') && origin.replace(/^https?:\/\//, '').toLowerCase() === identify(message).host?.toLowerCase();
}
