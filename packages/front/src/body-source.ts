import type { IncomingMessage } from 'node:http';

/** Bytes of a body that are read ahead before the client is made to wait. */
const AHEAD_BYTES = 64 * 1024;

/** The body of one request in the pieces that `node:http` read, pulled by whoever sends them on. */
export class BodySource {
  /** The whole body was read from the client; some of it may still be here. */
  ended = false;
  /** Bytes that are here. */
  available = 0;
  private pieces: Buffer[] = [];

  /** `changed` is called when there are more bytes, or the end came. */
  constructor(
    private readonly parsed: IncomingMessage,
    changed: () => void,
  ) {
    parsed.on('data', (piece: Buffer) => {
      this.pieces.push(piece);
      this.available += piece.length;
      if (this.available >= AHEAD_BYTES) parsed.pause();
      changed();
    });
    parsed.on('end', () => {
      this.ended = true;
      changed();
    });
  }

  /** The next piece: of a chunked body usually one chunk. */
  shift(): Buffer | undefined {
    const piece = this.pieces.shift();
    if (piece !== undefined) this.taken(piece.length);
    return piece;
  }

  /** Up to `max` bytes, as many as are here. */
  take(max: number): Buffer {
    const parts: Buffer[] = [];
    let left = Math.min(max, this.available);
    this.taken(left);
    while (left > 0) {
      const piece = this.pieces.shift() as Buffer;
      parts.push(piece.subarray(0, left));
      if (piece.length > left) this.pieces.unshift(piece.subarray(left));
      left -= Math.min(left, piece.length);
    }
    return Buffer.concat(parts);
  }

  private taken(bytes: number): void {
    this.available -= bytes;
    if (this.available < AHEAD_BYTES && this.parsed.isPaused()) this.parsed.resume();
  }
}
