import { latin1Bytes, latin1Slice } from '#platform';
import { M2Error } from '../errors.js';

/** What a tnetstring can say. Bytes are latin1 strings, one character a byte; dicts are Maps, in the order of the wire. */
export type TnetstringValue =
  | string
  | number
  | boolean
  | null
  | readonly TnetstringValue[]
  | ReadonlyMap<string, TnetstringValue>;

/** What {@link encodeTnetstring} takes: {@link TnetstringValue}, and also bytes as Uint8Array and dicts as plain objects. */
export type TnetstringInput =
  | string
  | Uint8Array
  | number
  | boolean
  | null
  | readonly TnetstringInput[]
  | ReadonlyMap<string, TnetstringInput>
  | { readonly [key: string]: TnetstringInput };

/** Bounds of {@link decodeTnetstring}. */
export interface TnetstringLimits {
  /** Lists and dicts within each other. Default 16. */
  readonly depth?: number;
  /** The whole input, in bytes. Default 1 MiB. */
  readonly size?: number;
}

const COMMA = 0x2c;
const COLON = 0x3a;

/** Where one tnetstring lies in a text: its payload's first and one-past-last character, and its type tag just after. */
export interface TnetstringFrame {
  readonly start: number;
  readonly end: number;
  /** Character code of the tag. */
  readonly tag: number;
}

/**
 * Reads `LEN ":"` at `at` and finds the payload and the tag that follow it, all before `limit`. `undefined` when there
 * is no such frame. Leading zeros are refused (tnetstrings.org), as are lengths of more than nine digits.
 */
export function tnetstringFrame(text: string, at: number, limit: number): TnetstringFrame | undefined {
  let cursor = at;
  let length = 0;
  for (; cursor < limit; cursor++) {
    const digit = text.charCodeAt(cursor) - 0x30;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  const digits = cursor - at;
  if (digits === 0 || digits > 9 || cursor >= limit || text.charCodeAt(cursor) !== COLON) return undefined;
  if (digits > 1 && text.charCodeAt(at) === 0x30) return undefined;
  const start = cursor + 1;
  const end = start + length;
  return end < limit ? { start, end, tag: text.charCodeAt(end) } : undefined;
}

/** Thrown inside this file only, to leave the recursion; never seen outside. */
class Refused extends Error {
  readonly at: number;
  readonly expected: string;

  constructor(at: number, expected: string) {
    super(expected);
    this.at = at;
    this.expected = expected;
  }
}

function readInteger(text: string, frame: TnetstringFrame): number {
  const digits = text.slice(frame.start, frame.end);
  const value = /^(?:0|-?[1-9]\d{0,15})$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new Refused(frame.start, 'a decimal integer of at most 53 bits');
  return value;
}

function readFloat(text: string, frame: TnetstringFrame): number {
  const digits = text.slice(frame.start, frame.end);
  const value = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isFinite(value)) throw new Refused(frame.start, 'a decimal number');
  return value;
}

function readBoolean(text: string, frame: TnetstringFrame): boolean {
  const word = text.slice(frame.start, frame.end);
  if (word !== 'true' && word !== 'false') throw new Refused(frame.start, '"true" or "false"');
  return word === 'true';
}

function readList(text: string, frame: TnetstringFrame, depth: number): TnetstringValue[] {
  const list: TnetstringValue[] = [];
  for (let at = frame.start; at < frame.end; ) {
    const item = readFrame(text, at, frame.end);
    list.push(readValue(text, item, depth));
    at = item.end + 1;
  }
  return list;
}

function readDict(text: string, frame: TnetstringFrame, depth: number): Map<string, TnetstringValue> {
  const dict = new Map<string, TnetstringValue>();
  for (let at = frame.start; at < frame.end; ) {
    const key = readFrame(text, at, frame.end);
    if (key.tag !== COMMA) throw new Refused(at, 'a string as key of a dict');
    const value = readFrame(text, key.end + 1, frame.end);
    dict.set(text.slice(key.start, key.end), readValue(text, value, depth));
    at = value.end + 1;
  }
  return dict;
}

function readFrame(text: string, at: number, limit: number): TnetstringFrame {
  const frame = tnetstringFrame(text, at, limit);
  if (frame === undefined) throw new Refused(at, 'a length, ":", that many bytes and a type tag');
  return frame;
}

function readValue(text: string, frame: TnetstringFrame, depth: number): TnetstringValue {
  const deeper = () => {
    if (depth <= 0) throw new Refused(frame.start, 'fewer lists and dicts within each other');
    return depth - 1;
  };
  switch (String.fromCharCode(frame.tag)) {
    case ',':
      return text.slice(frame.start, frame.end);
    case '#':
      return readInteger(text, frame);
    case '^':
      return readFloat(text, frame);
    case '!':
      return readBoolean(text, frame);
    case '~':
      if (frame.start !== frame.end) throw new Refused(frame.start, 'nothing before "~"');
      return null;
    case ']':
      return readList(text, frame, deeper());
    case '}':
      return readDict(text, frame, deeper());
    default:
      throw new Refused(frame.end, 'one of the type tags , # ^ ! ~ ] }');
  }
}

/** A value and where it ended, or what was wrong and where: characters from the start of the text. */
export type TnetstringPiece =
  | { readonly ok: true; readonly value: TnetstringValue; readonly end: number }
  | { readonly ok: false; readonly at: number; readonly expected: string };

/** Reads the one tnetstring that a latin1 text begins with; what follows it is left alone. Never throws. */
export function readTnetstring(text: string, depth = 16): TnetstringPiece {
  try {
    const frame = readFrame(text, 0, text.length);
    return { ok: true, value: readValue(text, frame, depth), end: frame.end + 1 };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, at: error.at, expected: error.expected };
    throw error;
  }
}

/**
 * Reads bytes that are exactly one tnetstring. Integers beyond 53 bits are refused. Never throws: gives an M2Error,
 * `M2_BAD_MESSAGE` or `M2_LIMIT_EXCEEDED`, whose details say where (`at`) and what was expected.
 */
export function decodeTnetstring(bytes: Uint8Array, limits: TnetstringLimits = {}): TnetstringValue | M2Error {
  const size = limits.size ?? 1024 * 1024;
  if (bytes.length > size) {
    return new M2Error('M2_LIMIT_EXCEEDED', `A tnetstring of ${bytes.length} bytes is longer than the ${size} allowed.`, {
      details: { limit: 'size', size: bytes.length, allowed: size },
    });
  }
  const piece = readTnetstring(latin1Slice(bytes, 0, bytes.length), limits.depth);
  if (piece.ok && piece.end === bytes.length) return piece.value;
  const at = piece.ok ? piece.end : piece.at;
  const expected = piece.ok ? 'the end' : piece.expected;
  return new M2Error('M2_BAD_MESSAGE', `Not a tnetstring: at byte ${at} of ${bytes.length}, expected ${expected}.`, {
    details: { at, expected, size: bytes.length },
  });
}

const refuse = (what: string): M2Error =>
  new M2Error(
    'M2_BAD_REPLY',
    `A tnetstring cannot carry ${what}: Mongrel2 takes strings, integers, booleans, null, lists and dicts only.`,
    {
      details: { what },
    },
  );

const framed = (payload: string, tag: string): string => `${payload.length}:${payload}${tag}`;

function formatString(text: string): string {
  if (/[\u0100-\uffff]/.test(text)) throw refuse('a string with characters above U+00FF (encode it first, one character a byte)');
  return framed(text, ',');
}

function formatObject(value: object, depth: number): string {
  if (depth <= 0) throw refuse('so many lists and dicts within each other, or a cycle');
  if (value instanceof Uint8Array) return framed(latin1Slice(value, 0, value.length), ',');
  if (Array.isArray(value)) {
    return framed(value.map((item: TnetstringInput) => formatValue(item, depth - 1)).join(''), ']');
  }
  const entries = value instanceof Map ? [...(value as Map<string, TnetstringInput>)] : Object.entries(value);
  const pairs = entries.map(([key, item]) => formatString(key) + formatValue(item as TnetstringInput, depth - 1));
  return framed(pairs.join(''), '}');
}

function formatValue(value: TnetstringInput, depth: number): string {
  switch (typeof value) {
    case 'string':
      return formatString(value);
    case 'boolean':
      return value ? '4:true!' : '5:false!';
    case 'number':
      // Any float in an extended reply ends Mongrel2 with SIGSEGV (protocol 5), so there is no way to write one.
      if (!Number.isSafeInteger(value)) throw refuse(`the number ${value}, which is not a safe integer`);
      return framed(String(value === 0 ? 0 : value), '#');
    case 'object':
      return value === null ? '0:~' : formatObject(value, depth);
    default:
      throw refuse(`a ${typeof value}`);
  }
}

/**
 * Writes a value as a tnetstring in a latin1 text, one character a byte. Throws `M2_BAD_REPLY` for what cannot be
 * written: floats, numbers beyond 53 bits, characters above U+00FF, undefined, more than 64 levels.
 */
export const formatTnetstring = (value: TnetstringInput): string => formatValue(value, 64);

/** Like {@link formatTnetstring}, as bytes. */
export const encodeTnetstring = (value: TnetstringInput): Uint8Array => latin1Bytes(formatTnetstring(value));
