import { connect, type Socket } from 'node:net';
import { within } from './deadline.js';

/** How often a slow reader reads, in milliseconds. */
const READ_EVERY_MS = 50;

/** A client that asks once and reads at a rate of its own, leaving the rest in the kernel's buffers. */
export class PacedReader {
  /** Bytes that it has read. */
  read = 0;
  /** The connection was ended or broken by the server. */
  ended = false;
  private goal: { readonly bytes: number; readonly resolve: () => void } | undefined;
  private readonly timer: NodeJS.Timeout | undefined;
  private readonly socket: Socket;

  /** `bytesPerSecond` undefined: as fast as it can. */
  constructor(port: number, path: string, bytesPerSecond?: number) {
    this.socket = connect({ port, host: '127.0.0.1' });
    this.socket.on('error', () => {});
    this.socket.once('close', () => {
      this.ended = true;
    });
    this.socket.once('connect', () => this.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
    if (bytesPerSecond === undefined) this.socket.on('data', (bytes) => this.took(bytes));
    else {
      this.socket.pause();
      const portion = Math.ceil((bytesPerSecond * READ_EVERY_MS) / 1000);
      this.timer = setInterval(() => this.took(this.socket.read(portion) as Buffer | null), READ_EVERY_MS);
    }
  }

  /** Waits until so many bytes were read. */
  async reaches(bytes: number, ms = 60_000): Promise<void> {
    const reached = new Promise<void>((resolve, reject) => {
      this.goal = { bytes, resolve };
      this.took(null);
      this.socket.once('close', () => reject(new Error(`The connection ended when ${this.read} of ${bytes} bytes were read.`)));
    });
    await within(reached, () => `${bytes} bytes were read (${this.read} now)`, ms);
  }

  close(): void {
    clearInterval(this.timer);
    this.socket.destroy();
  }

  private took(bytes: Buffer | null): void {
    this.read += bytes?.length ?? 0;
    if (this.goal !== undefined && this.read >= this.goal.bytes) this.goal.resolve();
  }
}
