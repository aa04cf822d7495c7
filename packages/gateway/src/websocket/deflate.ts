/** Bytes, or why there are none: the message inflates to more than the limit, or is not DEFLATE. */
export type Inflated = Uint8Array | 'too-large' | 'invalid';

/**
 * Compresses and inflates messages; one implementation per platform. Each message stands for itself (no context is taken over
 * in either direction), so there is nothing to keep per connection and a message for many is compressed once.
 */
export interface Deflate {
  /** The smallest LZ77 window that `deflate` can keep to, in bits, 8 to 15. Clients that ask for a smaller one get no compression. */
  readonly minWindowBits: number;
  /**
   * The payload of RFC 7692 section 7.2.1: raw DEFLATE, flushed, the last four bytes (`00 00 FF FF`) taken off. `undefined`: not
   * worth it, or too large to do here; the message goes out as it is.
   */
  deflate(data: Uint8Array, windowBits: number): Uint8Array | undefined;
  /** The message of such a payload (RFC 7692 section 7.2.2). Must stop as soon as there are more than `limit` bytes, and must not throw. */
  inflate(data: Uint8Array, limit: number): Inflated | Promise<Inflated>;
}
