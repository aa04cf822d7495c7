import { M2Error } from '@m2/core';
import { COMMAND_BYTES, type ZmtpLimits } from './limits.js';

const MORE = 0x01;
const LONG = 0x02;
const COMMAND = 0x04;

/** A frame that comes in pieces gets at least so much room at first, if it is that long. */
const FIRST_ROOM_BYTES = 4096;

/** What a decoder finds. */
export interface FrameSink {
  /** One frame of a message; `more` says that others of the same message follow. */
  frame(body: Buffer, more: boolean): void;
  /** One command, name and all. */
  command(body: Buffer): void;
}

/**
 * Cuts a byte stream into frames (RFC 37 "Framing"). Frames that lie whole in a read are views on it; one that does not is put
 * together in a buffer that grows with what has really come, to at most twice of it, in however small pieces and whatever length was announced.
 */
export class FrameDecoder {
  /** A beginning too short to tell its length. */
  private rest: Buffer | undefined;
  /** The frame that is being put together: what it has, how much of it, its length and flags. */
  private body: Buffer | undefined;
  private have = 0;
  private size = 0;
  private flags = 0;

  constructor(private readonly limits: ZmtpLimits) {}

  /** Nothing of a frame is waiting for its end. */
  get idle(): boolean {
    return this.rest === undefined && this.body === undefined;
  }

  /** Bytes of memory held for a frame that is not complete. */
  get heldBytes(): number {
    return (this.rest?.length ?? 0) + (this.body?.length ?? 0);
  }

  /**
   * Takes the next bytes of the stream. After it has thrown, the stream is lost.
   * @throws M2Error `M2_PEER_PROTOCOL` for what is no frame, `M2_LIMIT_EXCEEDED` for one that is too long.
   */
  push(chunk: Buffer, sink: FrameSink): void {
    let at = 0;
    let bytes = chunk;
    if (this.body !== undefined) {
      at = this.fill(this.body, chunk, sink);
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
      if (flags > 0x07 || (flags & (COMMAND | MORE)) === (COMMAND | MORE)) throw badFlags(flags);
      const long = (flags & LONG) !== 0;
      const start = at + (long ? 9 : 2);
      if (start > end) {
        // A copy: the few bytes must not keep a whole read alive.
        this.rest = Buffer.from(bytes.subarray(at));
        return;
      }
      const size = long ? longSize(bytes, at + 1) : (bytes[at + 1] as number);
      this.checkSize(flags, size);
      const next = start + size;
      if (next > end) {
        this.begin(flags, size, bytes.subarray(start));
        return;
      }
      const body = bytes.subarray(start, next);
      if ((flags & COMMAND) === 0) sink.frame(body, (flags & MORE) !== 0);
      else sink.command(body);
      at = next;
    }
  }

  private begin(flags: number, size: number, first: Buffer): void {
    this.flags = flags;
    this.size = size;
    this.have = first.length;
    this.body = Buffer.allocUnsafe(Math.min(size, Math.max(FIRST_ROOM_BYTES, first.length * 2)));
    first.copy(this.body);
  }

  /** Gives the pending frame what it lacks; tells how much of the chunk that took. */
  private fill(pending: Buffer, chunk: Buffer, sink: FrameSink): number {
    const taken = Math.min(chunk.length, this.size - this.have);
    const have = this.have + taken;
    let body = pending;
    if (have > body.length) {
      body = Buffer.allocUnsafe(Math.min(this.size, have * 2));
      pending.copy(body, 0, 0, this.have);
    }
    chunk.copy(body, this.have, 0, taken);
    this.have = have;
    if (have < this.size) {
      this.body = body;
      return taken;
    }
    this.body = undefined;
    if ((this.flags & COMMAND) === 0) sink.frame(body, (this.flags & MORE) !== 0);
    else sink.command(body);
    return taken;
  }

  private checkSize(flags: number, size: number): void {
    const limit = (flags & COMMAND) === 0 ? this.limits.frameBytes : COMMAND_BYTES;
    if (size <= limit) return;
    throw new M2Error('M2_LIMIT_EXCEEDED', `The peer announced a frame of ${size} bytes; ${limit} are allowed.`, {
      details: { limit: 'frameBytes', size, allowed: limit },
    });
  }
}

/** Eight bytes of length. Not by readUInt32BE(), whose checks cost as much as all else that is done with a frame. */
function longSize(bytes: Buffer, at: number): number {
  const high = fourBytes(bytes, at);
  // More than 2^53 cannot be told apart, and is too long anyway.
  return high > 0x1f_ffff ? Number.MAX_SAFE_INTEGER : high * 0x1_0000_0000 + fourBytes(bytes, at + 4);
}

function fourBytes(bytes: Buffer, at: number): number {
  const low = ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  return (bytes[at] as number) * 0x100_0000 + low;
}

const badFlags = (flags: number) =>
  new M2Error('M2_PEER_PROTOCOL', `The peer sent a frame with the flags 0x${flags.toString(16)}, which ZMTP does not have.`);
