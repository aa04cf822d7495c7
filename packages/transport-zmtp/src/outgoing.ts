import type { Socket } from 'node:net';
import { afterTick } from '@m2/core';
import { frameHead } from './frame-encoder.js';

/**
 * What goes out on one connection. All frames of a tick are joined: texts to one latin1 string, written once; bytes are
 * written as they are, in between. Nothing is copied and there is no Buffer per message.
 */
export class Outgoing {
  /** Bytes taken and not yet handed to the kernel. */
  get pendingBytes(): number {
    return this.waiting + this.socket.writableLength;
  }

  private text = '';
  private pieces: (string | Uint8Array)[] = [];
  private waiting = 0;
  private scheduled = false;

  constructor(
    private readonly socket: Socket,
    private readonly written: () => void,
  ) {}

  /** Adds one frame whose body is `head` and then `data`; strings are latin1. */
  frame(head: string, data: string | Uint8Array, more: boolean): void {
    const size = head.length + data.length;
    const start = frameHead(size, more);
    this.waiting += start.length + size;
    if (typeof data === 'string') this.text += start + head + data;
    else {
      this.text += start + head;
      this.bytes(data);
    }
    this.schedule();
  }

  /** Adds bytes that are framed already. */
  raw(bytes: Uint8Array): void {
    this.waiting += bytes.length;
    this.bytes(bytes);
    this.schedule();
  }

  /** Writes what has gathered. */
  flush(): void {
    this.scheduled = false;
    const { text, pieces, socket } = this;
    this.waiting = 0;
    if (pieces.length === 0) {
      this.text = '';
      if (text !== '' && !socket.destroyed) socket.write(text, 'latin1', this.written);
      return;
    }
    if (text !== '') pieces.push(text);
    this.text = '';
    this.pieces = [];
    if (socket.destroyed) return;
    socket.cork();
    const last = pieces.length - 1;
    for (let at = 0; at <= last; at++) {
      const piece = pieces[at] as string | Uint8Array;
      if (typeof piece === 'string') socket.write(piece, 'latin1', at === last ? this.written : undefined);
      else socket.write(piece, at === last ? this.written : undefined);
    }
    socket.uncork();
  }

  private bytes(bytes: Uint8Array): void {
    if (this.text !== '') this.pieces.push(this.text);
    this.text = '';
    this.pieces.push(bytes);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    afterTick(this.flushNow);
  }

  private readonly flushNow = (): void => {
    if (this.scheduled) this.flush();
  };
}
