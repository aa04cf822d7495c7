// The web platform's versions of what platform/node.ts does natively; used in browsers and edge runtimes.

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The bytes from `start` to `end` as a string, one character a byte. */
export function latin1Slice(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  // In pieces, because a call takes only so many arguments. TextDecoder('latin1') is windows-1252 and would change 0x80-0x9F.
  for (let at = start; at < end; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + 8192)));
  }
  return text;
}

/** The bytes from `start` to `end` as text; invalid UTF-8 becomes U+FFFD. */
export const utf8Slice = (bytes: Uint8Array, start: number, end: number): string => decoder.decode(bytes.subarray(start, end));

/** One byte a character; characters above U+00FF lose their high bits, so check before. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** UTF-8 bytes of a text. */
export const utf8Bytes = (text: string): Uint8Array => encoder.encode(text);

/** How many bytes `text` takes in UTF-8. */
export const utf8Length = (text: string): number => encoder.encode(text).length;

/** The parts as one new array. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Calls back after the work that is under way in this tick, once. */
export const afterTick = (callback: () => void): void => {
  setTimeout(callback, 0);
};
