import { latin1Slice } from '#platform';
import { M2Error } from '../errors.js';
import { defaultWireLimits, MAX_TARGETS } from '../limits.js';
import { readTnetstring, type TnetstringValue, tnetstringFrame } from './tnetstring.js';

/** A reply as Mongrel2 reads it (protocol 4 and 5). The same id may stand twice: it is delivered twice. */
export type ServerReply =
  | { readonly kind: 'data'; readonly server: string; readonly ids: readonly number[]; readonly data: Uint8Array }
  | { readonly kind: 'close'; readonly server: string; readonly ids: readonly number[] }
  | {
      readonly kind: 'control';
      readonly server: string;
      readonly ids: readonly number[];
      readonly keepAlive: boolean;
      /** Upload credits to add; absent when the reply does not grant any. */
      readonly credits?: number;
      readonly cancel: boolean;
    };

/**
 * What a bad reply does to Mongrel2, in an error's `details.effect`: `stall` drops it and holds up all replies of that
 * handler for half a second; `crash` ends the server; `close` closes the named connections; `garbage` adds a random
 * number of upload credits; `ignored` drops it and nothing more.
 */
export type ReplyEffect = 'stall' | 'crash' | 'close' | 'garbage' | 'ignored';

/** Bounds of {@link decodeReply}. */
export interface ReplyLimits {
  /** The whole reply in bytes. Default 128 MiB. */
  readonly messageBytes?: number;
  /** Mongrel2's limits.handler_targets. Default 128. */
  readonly targets?: number;
}

/** What is wrong with a reply; caught by {@link decodeReply}. Not an Error: it needs no stack. */
class Refusal {
  readonly at: number;
  readonly expected: string;
  readonly effect: ReplyEffect;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(at: number, expected: string, effect: ReplyEffect, details: Readonly<Record<string, unknown>> = {}) {
    this.at = at;
    this.expected = expected;
    this.effect = effect;
    this.details = details;
  }
}

const COMMA = 0x2c;

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
const isWord = (byte: number | undefined): boolean =>
  isDigit(byte) || byte === 0x2d || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a);

function skipDigits(bytes: Uint8Array, at: number, expected: string, details?: Readonly<Record<string, unknown>>): number {
  let end = at;
  while (isDigit(bytes[end])) end++;
  if (end === at) throw new Refusal(at, expected, 'stall', details);
  return end;
}

/** strtoul() and then the low 32 bits: what is too large saturates at 2^64 - 1 first. */
function readId(digits: string): number {
  if (digits.length < 16) return Number(digits) % 0x1_0000_0000;
  const value = BigInt(digits);
  return value > 0xffff_ffff_ffff_ffffn ? 0xffff_ffff : Number(value & 0xffff_ffffn);
}

interface Targets {
  readonly server: string;
  readonly ids: number[];
  readonly extended: boolean;
  readonly dataStart: number;
}

function readIds(
  bytes: Uint8Array,
  start: number,
  limit: number,
  details: Readonly<Record<string, unknown>>,
): { ids: number[]; end: number } {
  const ids: number[] = [];
  let at = start;
  while (isDigit(bytes[at])) {
    if (ids.length === limit) throw new Refusal(at, `at most ${limit} ids`, 'stall', details);
    const end = skipDigits(bytes, at, 'an id', details);
    ids.push(readId(latin1Slice(bytes, at, end)));
    // One blank may follow each id, the last one too.
    at = bytes[end] === 0x20 ? end + 1 : end;
  }
  if (ids.length === 0) throw new Refusal(at, 'at least one id in decimal digits', 'stall', details);
  return { ids, end: at };
}

function readTargets(bytes: Uint8Array, limit: number): Targets {
  let at = 0;
  while (isWord(bytes[at])) at++;
  if (at === 0 || bytes[at] !== 0x20) throw new Refusal(at, 'a UUID of letters, digits and "-", and a blank', 'stall');
  const server = latin1Slice(bytes, 0, at);
  const lengthEnd = skipDigits(bytes, at + 1, 'the length of the id list in decimal digits');
  if (bytes[lengthEnd] !== 0x3a) throw new Refusal(lengthEnd, '":" after the length of the id list', 'stall');
  const start = lengthEnd + 1;
  const extended = bytes[start] === 0x58 && bytes[start + 1] === 0x20;
  // Mongrel2 forgets to reset its X flag when the rest is malformed, and swallows the next plain reply (handler.c:376).
  // Its parser sets the flag at the first byte after "X " that fits: a digit, or the "," of an empty list.
  const after = bytes[start + 2];
  const details = extended && (isDigit(after) || after === COMMA) ? { stickyX: true } : {};
  const { ids, end } = readIds(bytes, extended ? start + 2 : start, limit, details);
  const length = readId(latin1Slice(bytes, at + 1, lengthEnd));
  if (bytes[end] !== COMMA) throw new Refusal(end, 'an id, or "," after the ids', 'stall', details);
  if (length !== end - start)
    throw new Refusal(at + 1, `${end - start} as the length of the id list, not ${length}`, 'stall', details);
  if (bytes[end + 1] !== 0x20) throw new Refusal(end + 1, 'a blank after ","', 'stall', details);
  return { server, ids, extended, dataStart: end + 2 };
}

function readExtended(text: string, at: number): { list: readonly TnetstringValue[] } {
  const frame = tnetstringFrame(text, 0, text.length);
  if (frame === undefined) throw new Refusal(at, 'a tnetstring', 'ignored');
  const piece = readTnetstring(text, 32);
  // A well-framed value that does not parse is dereferenced as NULL (handler.c:223).
  if (!piece.ok) throw new Refusal(at + piece.at, piece.expected, 'crash');
  const list = piece.value;
  if (!Array.isArray(list) || list.length !== 2) throw new Refusal(at, 'a list of exactly a key and an argument', 'ignored');
  return { list: list as readonly TnetstringValue[] };
}

/** True when a float hides anywhere in the text of a tnetstring that parsed: Mongrel2 has no floats and dies of one. */
function hasFloat(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const frame = tnetstringFrame(text, at, end);
    if (frame === undefined) return false;
    if (frame.tag === 0x5e) return true;
    if ((frame.tag === 0x5d || frame.tag === 0x7d) && hasFloat(text, frame.start, frame.end)) return true;
    at = frame.end + 1;
  }
  return false;
}

function readControl(bytes: Uint8Array, targets: Targets): ServerReply {
  const at = targets.dataStart;
  const text = latin1Slice(bytes, at, bytes.length);
  const frame = tnetstringFrame(text, 0, text.length);
  if (frame !== undefined && hasFloat(text, 0, frame.end + 1)) throw new Refusal(at, 'integers, not floats', 'crash');
  const { list } = readExtended(text, at);
  const [key, dict] = list;
  if (typeof key !== 'string') throw new Refusal(at, 'a string as key of an extended reply', 'ignored');
  if (key !== 'ctl')
    throw new Refusal(at, '"ctl" as key; any other needs an xrequest plug-in of that name', 'close', { ids: targets.ids });
  if (!(dict instanceof Map)) throw new Refusal(at, 'a dict as argument of ctl', 'close', { ids: targets.ids });
  const control = dict as ReadonlyMap<string, TnetstringValue>;
  const credits = control.get('credits');
  if (credits !== undefined && typeof credits !== 'number') throw new Refusal(at, 'credits as an integer', 'garbage');
  const { server, ids } = targets;
  const flags = { keepAlive: control.has('keep-alive'), cancel: control.has('cancel') };
  return { kind: 'control', server, ids, ...flags, ...(credits === undefined ? {} : { credits }) };
}

/**
 * Reads a reply as strictly as Mongrel2 does (protocol 4 and 5), for whoever stands in for it. Only inside a tnetstring
 * it is stricter: what strtol() and Mongrel2's parser let pass (`+5#`, `007#`, `4:txxx!`, lengths with a sign or
 * leading zeros), nobody should send. Never throws: what Mongrel2 would not take is an M2Error `M2_BAD_REPLY` whose details say where (`at`), what was `expected`, what
 * it would do to Mongrel2 (`effect`, a {@link ReplyEffect}), and `stickyX: true` when the next plain reply would be
 * swallowed. `data` is a view on `bytes`.
 */
export function decodeReply(bytes: Uint8Array, limits: ReplyLimits = {}): ServerReply | M2Error {
  const messageBytes = limits.messageBytes ?? defaultWireLimits.messageBytes;
  if (bytes.length > messageBytes) {
    return new M2Error('M2_LIMIT_EXCEEDED', `A reply of ${bytes.length} bytes is longer than the ${messageBytes} allowed.`, {
      details: { limit: 'messageBytes', size: bytes.length, allowed: messageBytes },
    });
  }
  try {
    const targets = readTargets(bytes, limits.targets ?? MAX_TARGETS);
    if (targets.extended) return readControl(bytes, targets);
    const { server, ids, dataStart } = targets;
    if (dataStart === bytes.length) return { kind: 'close', server, ids };
    return { kind: 'data', server, ids, data: bytes.subarray(dataStart) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { at, expected, effect, details } = error;
    return new M2Error(
      'M2_BAD_REPLY',
      `Mongrel2 would not take this reply (${effect}): at byte ${at} of ${bytes.length}, expected ${expected}.`,
      {
        details: { at, expected, effect, size: bytes.length, ...details },
      },
    );
  }
}
