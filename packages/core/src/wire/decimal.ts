// Numbers on the wire are decimal text. Mongrel2 writes them in one form only, so anything else (signs, leading
// zeros, blanks, exponents, which Number() would all take) is a sign of a broken or hostile message.

/** The largest signed 32-bit number: Mongrel2's counters are C ints. */
export const MAX_INT32 = 2_147_483_647;

/**
 * Reads plain decimal digits without leading zeros, 0 to `max`. `undefined` for anything else: signs, blanks,
 * leading zeros, more than `max` (at most `Number.MAX_SAFE_INTEGER`).
 */
export function parseDecimal(text: string, max: number): number | undefined {
  const length = text.length;
  if (length === 0 || length > 16 || (length > 1 && text.charCodeAt(0) === 0x30)) return undefined;
  let value = 0;
  for (let at = 0; at < length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value <= max ? value : undefined;
}

/**
 * Reads a connection id as Mongrel2 prints it: 0 to 2^32 - 1; negative from 2^31 on in JSON requests and notices
 * (protocol 3), where 2^32 is added; or as the 64-bit number that a negative C int becomes when it is widened.
 * `undefined` for anything else.
 */
export function parseConnectionId(text: string): number | undefined {
  if (text.charCodeAt(0) === 0x2d) {
    const magnitude = parseDecimal(text.slice(1), 0x8000_0000);
    return magnitude === undefined || magnitude === 0 ? undefined : 0x1_0000_0000 - magnitude;
  }
  if (text.length !== 20 || !/^1844674407\d{10}$/.test(text)) return parseDecimal(text, 0xffff_ffff);
  const wide = BigInt(text);
  return wide >= 0xffff_ffff_8000_0000n && wide <= 0xffff_ffff_ffff_ffffn ? Number(wide & 0xffff_ffffn) : undefined;
}
