import { latin1Slice } from '#platform';
import { M2Error } from '../errors.js';
import { defaultWireLimits, type WireLimits } from '../limits.js';
import { parseConnectionId } from './decimal.js';
import type { MessageParts } from './decoded-message.js';
import { parseJsonBlock, parseTnetstringBlock, type RawFields } from './header-block.js';
import type { M2Request } from './message.js';
import { classify, Malformed } from './message-kind.js';
import { isServerId } from './outbound.js';

const BLANK = 0x20;
const COLON = 0x3a;
const COMMA = 0x2c;
const BRACE = 0x7d;

/** What was read before a fault, for the error's details. */
interface Progress {
  server: string | undefined;
  id: number | undefined;
}

/** Where the two netstrings of a message lie. */
interface Layout {
  readonly server: string;
  readonly id: number;
  readonly path: string;
  readonly headerStart: number;
  readonly headerEnd: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

// Nearly every message comes from the same server as the one before; comparing is cheaper than making a new string.
let lastServer = '';

function sameServer(bytes: Uint8Array, end: number): boolean {
  const known = lastServer;
  if (end === 0 || known.length !== end) return false;
  for (let at = 0; at < end; at++) if (bytes[at] !== known.charCodeAt(at)) return false;
  return true;
}

function readServer(bytes: Uint8Array, end: number): string {
  if (sameServer(bytes, end)) return lastServer;
  const server = latin1Slice(bytes, 0, end);
  if (!isServerId(server)) {
    throw new Malformed(0, 'a UUID of letters, digits and "-" only (Mongrel2 takes no reply to any other: change send_ident)');
  }
  lastServer = server;
  return server;
}

/** The position of the next blank at or after `from`; throws when there is none before `limit`. */
function findBlank(bytes: Uint8Array, from: number, limit: number, what: string): number {
  const stop = Math.min(bytes.length, limit);
  for (let at = from; at < stop; at++) if (bytes[at] === BLANK) return at;
  if (stop < bytes.length) throw new Malformed(from, `${what} within the first ${limit} bytes`, 'prefixBytes');
  throw new Malformed(from, `${what} and a blank after it`);
}

function readId(bytes: Uint8Array, start: number, end: number): number {
  // Up to nine digits, as nearly all ids have, need no string.
  if (end - start < 10 && bytes[start] !== 0x30) {
    let id = 0;
    let at = start;
    for (; at < end; at++) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      id = id * 10 + digit;
    }
    if (at === end && at > start) return id;
  }
  const id = parseConnectionId(latin1Slice(bytes, start, end));
  if (id === undefined) throw new Malformed(start, 'a connection id of 32 bits in decimal digits');
  return id;
}

/** Reads `LEN ":"` at `at`. Gives the length; the payload starts after the colon, which {@link afterLength} finds. */
function readLength(bytes: Uint8Array, at: number, what: string): number {
  let length = 0;
  let cursor = at;
  for (; cursor < bytes.length && cursor - at < 10; cursor++) {
    const digit = (bytes[cursor] as number) - 0x30;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  if (cursor === at || bytes[cursor] !== COLON || (bytes[at] === 0x30 && cursor - at > 1)) {
    throw new Malformed(at, `the length of the ${what} in decimal digits and ":"`);
  }
  return length;
}

const digitsOf = (value: number): number => {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
  return digits;
};

/** The payload's first byte, for a length that stands at `at`. */
const afterLength = (at: number, length: number): number => at + digitsOf(length) + 1;

function readLayout(bytes: Uint8Array, limits: WireLimits, progress: Progress): Layout {
  const serverEnd = findBlank(bytes, 0, limits.prefixBytes, 'a UUID');
  const server = readServer(bytes, serverEnd);
  progress.server = server;
  const idEnd = findBlank(bytes, serverEnd + 1, serverEnd + 22, 'a connection id');
  const id = readId(bytes, serverEnd + 1, idEnd);
  progress.id = id;
  const pathEnd = findBlank(bytes, idEnd + 1, limits.prefixBytes + idEnd - serverEnd, 'a path');
  if (pathEnd === idEnd + 1) throw new Malformed(idEnd + 1, 'a path that is not empty');

  const headerLength = readLength(bytes, pathEnd + 1, 'header block');
  const headerStart = afterLength(pathEnd + 1, headerLength);
  const headerEnd = headerStart + headerLength;
  if (headerLength > limits.headerBytes)
    throw new Malformed(pathEnd + 1, `at most ${limits.headerBytes} bytes of headers`, 'headerBytes');
  if (headerEnd >= bytes.length)
    throw new Malformed(pathEnd + 1, `${headerLength} bytes of headers, but the message ends before`);

  const bodyLength = readLength(bytes, headerEnd + 1, 'body');
  const bodyStart = afterLength(headerEnd + 1, bodyLength);
  const bodyEnd = bodyStart + bodyLength;
  if (bodyEnd + 1 !== bytes.length) {
    throw new Malformed(
      headerEnd + 1,
      `a body of ${bodyLength} bytes and "," to end the message, which has ${bytes.length - bodyStart} bytes there`,
    );
  }
  if (bytes[bodyEnd] !== COMMA) throw new Malformed(bodyEnd, '"," after the body');
  return { server, id, path: latin1Slice(bytes, idEnd + 1, pathEnd), headerStart, headerEnd, bodyStart, bodyEnd };
}

function readBlock(
  bytes: Uint8Array,
  layout: Layout,
  limits: WireLimits,
): { readonly fields: RawFields; readonly lines: number } {
  const { headerStart, headerEnd } = layout;
  // The tag says which kind it is; the handler's `protocol` setting is not known here and not needed.
  const tag = bytes[headerEnd];
  if (tag !== COMMA && tag !== BRACE) throw new Malformed(headerEnd, '"," (JSON) or "}" (tnetstring) after the headers');
  const text = latin1Slice(bytes, headerStart, headerEnd);
  const block = tag === COMMA ? parseJsonBlock(text, limits.headerCount) : parseTnetstringBlock(text, limits.headerCount);
  if ('fields' in block) return block;
  throw new Malformed(headerStart + (block.at ?? 0), block.expected, block.fault === 'count' ? 'headerCount' : undefined);
}

function describe(fault: Malformed, progress: Progress, size: number): M2Error {
  const { at, expected, limit } = fault;
  const from =
    progress.server === undefined
      ? ''
      : ` from ${progress.server}${progress.id === undefined ? '' : ` for connection ${progress.id}`}`;
  const code = limit === undefined ? 'M2_BAD_MESSAGE' : 'M2_LIMIT_EXCEEDED';
  const what = limit === undefined ? 'is malformed' : 'is over a limit';
  return new M2Error(code, `A message${from} ${what}: at byte ${at} of ${size}, expected ${expected}.`, {
    details: {
      at,
      expected,
      size,
      ...(limit === undefined ? {} : { limit }),
      ...(progress.server === undefined ? {} : { server: progress.server }),
      ...(progress.id === undefined ? {} : { id: progress.id }),
    },
  });
}

/**
 * Reads one message as Mongrel2 sends it (protocol 2 and 3), JSON or tnetstring headers alike. Never throws: what cannot
 * be read gives an M2Error, `M2_BAD_MESSAGE` or `M2_LIMIT_EXCEEDED`, whose details say where (`at`, in bytes), what was
 * `expected`, and `server` and `id` as far as they could be read. `body` is a view on `bytes`. Whatever is decoded has
 * a server and an id that a reply can be made for.
 */
export function decodeMessage(bytes: Uint8Array, limits: WireLimits = defaultWireLimits): M2Request | M2Error {
  const progress: Progress = { server: undefined, id: undefined };
  const size = bytes.length;
  try {
    if (size > limits.messageBytes) throw new Malformed(0, `a message of at most ${limits.messageBytes} bytes`, 'messageBytes');
    const layout = readLayout(bytes, limits, progress);
    const block = readBlock(bytes, layout, limits);
    const parts: MessageParts = {
      server: layout.server,
      id: layout.id,
      path: layout.path,
      fields: block.fields,
      headerLines: block.lines,
      body: bytes.subarray(layout.bodyStart, layout.bodyEnd),
      size,
    };
    return classify(parts, layout.headerStart, layout.bodyStart);
  } catch (error) {
    if (error instanceof Malformed) return describe(error, progress, size);
    // Nothing else is thrown on purpose; the receive loop must live on whatever it is.
    return new M2Error('M2_BAD_MESSAGE', `A message of ${size} bytes could not be read.`, {
      cause: error,
      details: { size, ...progress },
    });
  }
}
