import { M2Error } from '@m2/core';
import { COMMAND_BYTES, type ZmtpLimits } from './limits.js';

const MORE = 0x01;
const LONG = 0x02;
const COMMAND = 0x04;

/** What a decoder finds. */
export interface FrameSink {
  /** One frame of a message; `more` says that others of the same message follow. */
  frame(body: Buffer, more: boolean): void;
  /** One command, name and all. */
  command(body: Buffer): void;
}

/**
 * Cuts a byte stream into frames (RFC 37 "Framing"). Frames that lie whole in a read are views on it; one that does not
 * is put together from its pieces, and never takes more memory than what has really come.
 */
export class FrameDecoder {
  /** A beginning too short to tell its length. */
  private rest: Buffer | undefined;
  /** Pieces of a frame whose length is known, and how many bytes it lacks. */
  private pieces: Buffer[] = [];
  private lacking = 0;
  private flags = 0;

  constructor(private readonly limits: ZmtpLimits) {}

  /** Nothing of a frame is waiting for its end. */
  get idle(): boolean {
    return this.rest === undefined && this.lacking === 0;
  }

  /**
   * Takes the next bytes of the stream.
   * @throws M2Error `M2_PEER_PROTOCOL` for what is no frame, `M2_LIMIT_EXCEEDED` for one that is too long.
   */
  push(chunk: Buffer, sink: FrameSink): void {
    let at = 0;
    let bytes = chunk;
    if (this.lacking > 0) {
      at = this.fill(chunk, sink);
      if (at === chunk.length) return;
    } else if (this.rest !== undefined) {
      bytes = Buffer.concat([this.rest, chunk]);
      this.rest = undefined;
    }
    this.cut(bytes, at, sink);
  }

  private cut(bytes: Buffer, from: number, sink: FrameSink): void {
    let at = from;
    const end = bytes.length;
    while (at < end) {
      const flags = bytes[at] as number;
      this.checkFlags(flags);
      const long = (flags & LONG) !== 0;
      const start = at + (long ? 9 : 2);
      if (start > end) {
        // A copy: the few bytes must not keep a whole read alive.
        this.rest = Buffer.from(bytes.subarray(at));
        return;
      }
      const size = long ? this.longSize(bytes, at + 1) : (bytes[at + 1] as number);
      this.checkSize(flags, size);
      if (start + size > end) {
        this.flags = flags;
        this.lacking = size - (end - start);
        if (end > start) this.pieces.push(bytes.subarray(start));
        return;
      }
      this.emit(flags, bytes.subarray(start, start + size), sink);
      at = start + size;
    }
  }

  /** Gives the pending frame what it lacks; tells how much of the chunk that took. */
  private fill(chunk: Buffer, sink: FrameSink): number {
    if (chunk.length < this.lacking) {
      this.pieces.push(chunk);
      this.lacking -= chunk.length;
      return chunk.length;
    }
    const taken = this.lacking;
    this.pieces.push(chunk.subarray(0, taken));
    const body = this.pieces.length === 1 ? (this.pieces[0] as Buffer) : Buffer.concat(this.pieces);
    this.pieces = [];
    this.lacking = 0;
    this.emit(this.flags, body, sink);
    return taken;
  }

  private emit(flags: number, body: Buffer, sink: FrameSink): void {
    if ((flags & COMMAND) === 0) sink.frame(body, (flags & MORE) !== 0);
    else sink.command(body);
  }

  private checkFlags(flags: number): void {
    if (flags > 0x07 || (flags & (COMMAND | MORE)) === (COMMAND | MORE)) {
      throw new M2Error('M2_PEER_PROTOCOL', `The peer sent a frame with the flags 0x${flags.toString(16)}, which ZMTP does not have.`);
    }
  }

  private longSize(bytes: Buffer, at: number): number {
    const high = bytes.readUInt32BE(at);
    // More than 2^53 cannot be told apart, and is too long anyway.
    return high > 0x1f_ffff ? Number.MAX_SAFE_INTEGER : high * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
  }

  private checkSize(flags: number, size: number): void {
    const limit = (flags & COMMAND) === 0 ? this.limits.frameBytes : COMMAND_BYTES;
    if (size <= limit) return;
    throw new M2Error('M2_LIMIT_EXCEEDED', `The peer announced a frame of ${size} bytes; ${limit} are allowed.`, {
      details: { limit: 'frameBytes', size, allowed: limit },
    });
  }
}
