import type { WebSocketMessage } from '@m2/core';

/** With this key masking changes nothing, so that the payload stays as it is. */
const ZERO_KEY_BYTES = 4;
const MASKED = 0x80;

/**
 * A message of a client as the frame that it might have come in: whole, masked as servers demand (RFC 6455 5.1), with the
 * first byte as Mongrel2 had it, compression bits included. Fragments were joined by Mongrel2.
 */
export const clientFrame = ({ flags, body }: Pick<WebSocketMessage, 'flags' | 'body'>): Buffer => {
  const { length } = body;
  const lengthBytes = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8;
  const frame = Buffer.alloc(2 + lengthBytes + ZERO_KEY_BYTES + length);
  frame[0] = flags;
  if (lengthBytes === 0) frame[1] = MASKED | length;
  else if (lengthBytes === 2) {
    frame[1] = MASKED | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = MASKED | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(body, 2 + lengthBytes + ZERO_KEY_BYTES);
  return frame;
};
