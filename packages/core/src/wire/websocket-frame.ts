import { concatBytes, latin1Bytes, utf8Bytes } from '#platform';
import { M2Error } from '../errors.js';

/** Opcodes of RFC 6455 section 5.2 that have a meaning. */
export const Opcode = Object.freeze({ continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const);

/** The longest payload of a control frame, in bytes (RFC 6455 section 5.5). */
export const MAX_CONTROL_PAYLOAD = 125;

/** What the first byte of a frame says (RFC 6455 section 5.2). */
export interface FrameFlags {
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly rsv2: boolean;
  readonly rsv3: boolean;
  readonly opcode: number;
}

/** How a frame differs from the usual one. */
export interface FrameOptions {
  /** The last fragment of its message. Default true. */
  readonly fin?: boolean;
  /** Compressed by permessage-deflate (RFC 7692 section 6). Default false. */
  readonly rsv1?: boolean;
}

/** Reads Mongrel2's FLAGS (`0x81`, protocol 9), the first byte of a frame. `undefined` for anything else. */
export function parseFlags(flags: string): number | undefined {
  return /^0x[0-9a-fA-F]{1,2}$/.test(flags) ? Number.parseInt(flags.slice(2), 16) : undefined;
}

/** Takes the first byte of a frame apart. */
export const splitFlags = (flags: number): FrameFlags => ({
  fin: (flags & 0x80) !== 0,
  rsv1: (flags & 0x40) !== 0,
  rsv2: (flags & 0x20) !== 0,
  rsv3: (flags & 0x10) !== 0,
  opcode: flags & 0x0f,
});

/** Opcodes 8 to 15 (RFC 6455 section 5.5). */
export const isControlOpcode = (opcode: number): boolean => opcode >= 8;

/** True for the six opcodes that RFC 6455 defines; Mongrel2 lets the reserved ones through. */
export const isKnownOpcode = (opcode: number): boolean => opcode <= 2 || (opcode >= 8 && opcode <= 10);

function checkFrame(opcode: number, length: number, rsv1: boolean, fin: boolean): void {
  if (!Number.isInteger(opcode) || opcode < 0 || !isKnownOpcode(opcode)) {
    throw new M2Error(
      'M2_BAD_REPLY',
      `A WebSocket frame cannot have opcode ${opcode}: use 0, 1, 2, 8, 9 or 10 (RFC 6455 section 5.2).`,
      {
        details: { opcode },
      },
    );
  }
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new M2Error('M2_BAD_REPLY', `A WebSocket frame cannot have a payload of ${length} bytes.`, { details: { length } });
  }
  if (isControlOpcode(opcode) && (length > MAX_CONTROL_PAYLOAD || rsv1 || !fin)) {
    throw new M2Error(
      'M2_BAD_REPLY',
      `A WebSocket control frame must be whole, not compressed, and at most ${MAX_CONTROL_PAYLOAD} bytes; this one has ${length} (RFC 6455 section 5.5).`,
      { details: { opcode, length, rsv1, fin } },
    );
  }
}

const bigEndian = (value: number, count: number): string => {
  let text = '';
  // Division, not shifts: `>>` works modulo 32, which is how wrong 64-bit lengths come about.
  for (let left = count, rest = value; left > 0; left--, rest = Math.floor(rest / 256))
    text = String.fromCharCode(rest % 256) + text;
  return text;
};

/**
 * The header of an unmasked frame, as a latin1 string, for a reply whose data is the payload. A server must not mask
 * (RFC 6455 section 5.1). Throws `M2_BAD_REPLY` for reserved opcodes and for control frames that are too long,
 * fragmented or compressed.
 */
export function frameHeader(opcode: number, length: number, rsv1 = false, fin = true): string {
  checkFrame(opcode, length, rsv1, fin);
  const first = String.fromCharCode((fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode);
  if (length < 126) return first + String.fromCharCode(length);
  // The shortest form is a must (RFC 6455 section 5.2, "Payload length").
  return length < 0x1_0000 ? `${first}\x7e${bigEndian(length, 2)}` : `${first}\x7f${bigEndian(length, 8)}`;
}

/** A whole unmasked frame as bytes. Throws as {@link frameHeader} does. */
export const encodeFrame = (opcode: number, payload: Uint8Array, options: FrameOptions = {}): Uint8Array =>
  concatBytes([latin1Bytes(frameHeader(opcode, payload.length, options.rsv1, options.fin)), payload]);

/** True for codes that may be sent in a close frame (RFC 6455 section 7.4 and the IANA registry: 1012 to 1014 included). */
export const isValidCloseCode = (code: number): boolean =>
  Number.isInteger(code) && ((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999));

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as text, or `undefined` when they are not UTF-8 (RFC 6455 section 8.1: fail the connection with 1007). */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A close frame's content: valid, with 1005 standing for "no code" (RFC 6455 section 7.1.5); or what to fail the connection with. */
export type ClosePayload =
  | { readonly valid: true; readonly code: number; readonly reason: string }
  | { readonly valid: false; readonly failWith: 1002 | 1007; readonly problem: string };

/** Reads and checks a close frame's payload (RFC 6455 sections 5.5.1 and 7.4). Never throws. */
export function decodeClosePayload(payload: Uint8Array): ClosePayload {
  if (payload.length === 0) return { valid: true, code: 1005, reason: '' };
  if (payload.length === 1) return { valid: false, failWith: 1002, problem: 'a close payload of one byte' };
  if (payload.length > MAX_CONTROL_PAYLOAD)
    return { valid: false, failWith: 1002, problem: `a close payload of ${payload.length} bytes` };
  const code = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
  if (!isValidCloseCode(code)) return { valid: false, failWith: 1002, problem: `close code ${code}` };
  const reason = decodeUtf8(payload.subarray(2));
  if (reason === undefined) return { valid: false, failWith: 1007, problem: 'a close reason that is not UTF-8' };
  return { valid: true, code, reason };
}

/**
 * Makes a close frame's payload. Without a code it is empty. Throws `M2_BAD_REPLY` for a code that must not be sent and
 * for a reason of more than 123 bytes of UTF-8.
 */
export function encodeClosePayload(code?: number, reason = ''): Uint8Array {
  if (code === undefined) return new Uint8Array(0);
  const text = utf8Bytes(reason);
  if (!isValidCloseCode(code) || text.length > MAX_CONTROL_PAYLOAD - 2) {
    throw new M2Error(
      'M2_BAD_REPLY',
      `A WebSocket close frame cannot carry code ${code} with a reason of ${text.length} bytes (RFC 6455 section 7.4).`,
      {
        details: { code, reasonBytes: text.length },
      },
    );
  }
  return concatBytes([Uint8Array.of(code >> 8, code & 0xff), text]);
}
