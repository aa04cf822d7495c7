import { isControlOpcode, MAX_CONTROL_PAYLOAD } from '@m2/core';

/** The longest message, its fragments joined, in bytes. Mongrel2 has no such limit and would run out of memory. */
const MESSAGE_BYTES = 128 * 1024 * 1024;

/** Takes a message or a control frame: the first byte of its (first) frame, and the unmasked payload. */
export type FrameSink = (flags: number, payload: Uint8Array) => void;

interface FrameHead {
  readonly flags: number;
  readonly length: number;
  readonly mask: Buffer;
  /** How many bytes the head itself has. */
  readonly size: number;
}

/**
 * Reads a client's WebSocket frames as leniently as Mongrel2 (protocol 9): it joins fragments, passes control frames at once,
 * and lets RSV bits, reserved opcodes and any payload through, which WebSocket libraries would refuse.
 */
export class FrameParser {
  private readonly unread: Buffer[] = [];
  private size = 0;
  private head: FrameHead | undefined;
  private fragments: Buffer[] | undefined;
  private fragmentBytes = 0;
  private firstFlags = 0;

  constructor(private readonly sink: FrameSink) {}

  /** Reads on. Returns what is wrong with the frames, in words, when Mongrel2 would close the connection; it is not to be called again then. */
  push(bytes: Buffer): string | undefined {
    this.unread.push(bytes);
    this.size += bytes.length;
    for (;;) {
      if (this.head === undefined) {
        const head = this.readHead();
        if (head === undefined) return undefined;
        if (typeof head === 'string') return head;
        this.head = head;
      }
      const { flags, length, mask } = this.head;
      if (this.size < length) return undefined;
      this.head = undefined;
      this.frame(flags, unmask(this.take(length), mask));
    }
  }

  private readHead(): FrameHead | string | undefined {
    if (this.size < 2) return undefined;
    const start = this.join(14);
    const second = start[1] as number;
    const extra = (second & 0x7f) === 126 ? 2 : (second & 0x7f) === 127 ? 8 : 0;
    if ((second & 0x80) === 0) return 'an unmasked frame';
    const size = 2 + extra + 4;
    if (start.length < size) return undefined;
    const length = extra === 0 ? second & 0x7f : extra === 2 ? start.readUInt16BE(2) : Number(start.readBigUInt64BE(2));
    const head = { flags: start[0] as number, length, mask: Buffer.from(start.subarray(size - 4, size)), size };
    const problem = this.problemOf(head);
    if (problem === undefined) this.take(size);
    return problem ?? head;
  }

  private problemOf({ flags, length }: FrameHead): string | undefined {
    const opcode = flags & 0x0f;
    const final = (flags & 0x80) !== 0;
    if (isControlOpcode(opcode)) {
      if (!final) return 'a fragmented control frame';
      return length > MAX_CONTROL_PAYLOAD ? `a control frame of ${length} bytes` : undefined;
    }
    if (opcode === 0 && this.fragments === undefined) return 'a continuation of nothing';
    if (opcode !== 0 && this.fragments !== undefined) return 'a new message inside a fragmented one';
    return this.fragmentBytes + length > MESSAGE_BYTES ? `a message of more than ${MESSAGE_BYTES} bytes` : undefined;
  }

  private frame(flags: number, payload: Buffer): void {
    const final = (flags & 0x80) !== 0;
    if (isControlOpcode(flags & 0x0f) || (final && this.fragments === undefined)) {
      this.sink(flags, payload);
      return;
    }
    if (this.fragments === undefined) {
      this.fragments = [];
      this.firstFlags = flags;
    }
    this.fragments.push(payload);
    this.fragmentBytes += payload.length;
    if (!final) return;
    const whole = Buffer.concat(this.fragments);
    this.fragments = undefined;
    this.fragmentBytes = 0;
    this.sink(this.firstFlags, whole);
  }

  /** The first bytes as one buffer: at least `count` of them, or all there are. */
  private join(count: number): Buffer {
    let first = this.unread[0] as Buffer;
    if (first.length < count && this.unread.length > 1) {
      first = Buffer.concat(this.unread);
      this.unread.splice(0, this.unread.length, first);
    }
    return first;
  }

  private take(count: number): Buffer {
    if (count === 0) return Buffer.alloc(0);
    const first = this.join(count);
    this.size -= count;
    if (first.length === count) this.unread.shift();
    else this.unread[0] = first.subarray(count);
    return first.subarray(0, count);
  }
}

function unmask(payload: Buffer, mask: Buffer): Buffer {
  const clear = Buffer.allocUnsafe(payload.length);
  for (let at = 0; at < payload.length; at++) clear[at] = (payload[at] as number) ^ (mask[at & 3] as number);
  return clear;
}
