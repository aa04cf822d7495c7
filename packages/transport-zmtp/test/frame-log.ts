import type { FrameSink } from '../src/frame-decoder.js';

/** Keeps what a decoder finds, as texts: `m` for the last frame of a message, `+` for one before it, `c` for a command. */
export class FrameLog implements FrameSink {
  readonly found: string[] = [];
  /** Bytes of the bodies, all together. */
  bytes = 0;

  frame(body: Buffer, more: boolean): void {
    this.bytes += body.length;
    this.found.push(`${more ? '+' : 'm'} ${body.toString('latin1')}`);
  }

  command(body: Buffer): void {
    this.bytes += body.length;
    this.found.push(`c ${body.toString('latin1')}`);
  }
}
