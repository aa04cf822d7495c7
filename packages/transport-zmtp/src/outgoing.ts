import type { Socket } from 'node:net';
import { afterTick } from '@m2/core';
import { frameHead } from './frame-encoder.js';

/** A text of so many characters is not joined to others: that would only copy it once more. */
const ALONE_CHARACTERS = 64 * 1024;

/** So few bytes are quicker joined to the text than written as a piece of their own. */
const JOINED_BYTES = 512;

function latin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1');
}

/**
 * What goes out on one connection. All frames of a tick are joined: texts to one latin1 string, written once; bytes are
 * written as they are, in between, unless they are few. There is no Buffer, closure or callback per message. Bytes that are
 * given must not be changed until they are out.
 */
export class Outgoing {
  private text = '';
  private pieces: (string | Uint8Array)[] = [];
  private waiting = 0;
  private scheduled = false;
  /** The kernel took less than it was given, and node holds the rest. */
  private blocked = false;
  /** Messages that were ever taken, of these given to the stream, and of these taken by the kernel. */
  private taken = 0;
  private given = 0;
  private passedOn = 0;
  /** What `given` was when the last write was made that tells when it is through. */
  private watched = 0;

  /** @param written Called with the number of whole messages that the kernel has taken since the last call; may be 0. */
  constructor(
    private readonly socket: Socket,
    private readonly written: (messages: number) => void,
  ) {}

  /** Bytes taken and not yet handed to the kernel. */
  get pendingBytes(): number {
    return this.blocked ? this.waiting + this.socket.writableLength : this.waiting;
  }

  /** Messages taken of which the kernel does not have every byte for sure. */
  get pendingMessages(): number {
    return this.taken - this.passedOn;
  }

  /** Adds one frame whose body is `head` and then `data`; strings are latin1. */
  frame(head: string, data: string | Uint8Array, more: boolean): void {
    const size = head.length + data.length;
    const start = frameHead(size, more);
    this.waiting += start.length + size;
    if (typeof data === 'string' && data.length < ALONE_CHARACTERS) this.text += start + head + data;
    else if (typeof data !== 'string' && data.length <= JOINED_BYTES) this.text += start + head + latin1(data);
    else {
      this.text += start + head;
      this.apart(data);
    }
    if (!more) this.taken++;
    this.schedule();
  }

  /** Adds bytes that are framed already and are no message. */
  raw(bytes: Uint8Array): void {
    this.waiting += bytes.length;
    this.apart(bytes);
    this.schedule();
  }

  /** Writes what has gathered. */
  flush(): void {
    this.scheduled = false;
    const { text, pieces, socket } = this;
    if (this.waiting === 0) return;
    this.waiting = 0;
    this.text = '';
    if (pieces.length === 0) {
      if (socket.writable) socket.write(text, 'latin1');
    } else {
      this.pieces = [];
      if (text !== '') pieces.push(text);
      if (socket.writable) writeAll(socket, pieces);
    }
    if (!socket.writable) return;
    this.given = this.taken;
    // As a rule the kernel has taken everything when write() returns, and nobody need be called back.
    if (socket.writableLength === 0) this.through(this.given);
    else if (!this.blocked) this.watch();
  }

  private apart(piece: string | Uint8Array): void {
    if (this.text !== '') this.pieces.push(this.text);
    this.text = '';
    this.pieces.push(piece);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    afterTick(this.flushNow);
  }

  private readonly flushNow = (): void => {
    if (this.scheduled) this.flush();
  };

  /** An empty write behind all others is through when they are. ('drain' would come only for more than the stream's mark.) */
  private watch(): void {
    this.blocked = true;
    this.watched = this.given;
    this.socket.write('', 'latin1', this.released);
  }

  private readonly released = (error?: Error | null): void => {
    if (error !== undefined && error !== null) return;
    if (this.socket.writableLength === 0) {
      this.blocked = false;
      this.through(this.given);
      return;
    }
    const { watched } = this;
    this.watch();
    this.through(watched);
  };

  private through(count: number): void {
    const messages = count - this.passedOn;
    this.passedOn = count;
    this.written(messages);
  }
}

function writeAll(socket: Socket, pieces: readonly (string | Uint8Array)[]): void {
  socket.cork();
  for (const piece of pieces) {
    if (typeof piece === 'string') socket.write(piece, 'latin1');
    else socket.write(piece);
  }
  socket.uncork();
}
