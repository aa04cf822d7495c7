import { createHash, type Hash } from 'node:crypto';

/** A prime, so that no power of two of bytes that is lost, doubled or moved leaves the pattern in step. */
const PERIOD = 65_521;

const period: Buffer = (() => {
  const bytes = Buffer.alloc(PERIOD);
  let state = 0x2545f491;
  for (let at = 0; at < PERIOD; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
})();

/** Bytes `from` to `from + length` of the endless pattern that big bodies are made of. */
export function patternBytes(from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const start = (from + at) % PERIOD;
    const count = Math.min(PERIOD - start, length - at);
    bytes.set(period.subarray(start, start + count), at);
    at += count;
  }
  return bytes;
}

/** A hash of bytes that come in pieces. */
export const newHash = (): Hash => createHash('sha256');

/** The hash of the pattern's first `length` bytes. */
export function patternHash(length: number): string {
  const hash = newHash();
  for (let at = 0; at < length; at += 1_048_576) hash.update(patternBytes(at, Math.min(1_048_576, length - at)));
  return hash.digest('hex');
}
