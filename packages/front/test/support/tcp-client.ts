import { connect, type Socket } from 'node:net';
import type { Front } from '../../src/index.js';
import { Watched } from './deadline.js';

/** A client that sends what it is told and keeps every byte that comes. */
export class TcpClient {
  /** All that came, latin1. */
  received = '';
  /** The front closed its side, or the connection broke. */
  closed = false;
  private readonly watched = new Watched();

  private constructor(readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
      this.watched.changed();
    });
    socket.on('error', () => {});
    const over = () => {
      this.closed = true;
      this.watched.changed();
    };
    socket.on('end', over);
    socket.on('close', over);
  }

  /** Connects, and sends a first text. */
  static async open(front: Front, text = ''): Promise<TcpClient> {
    const socket = connect({ port: front.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const client = new TcpClient(socket);
    socket.once('connect', () => client.watched.changed());
    await client.watched.until(() => !socket.connecting || client.closed, 'connecting');
    if (text !== '') client.send(text);
    return client;
  }

  send(text: string | Uint8Array): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Resolves once `text` is at the end of what came. */
  async ends(text: string): Promise<void> {
    await this.watched.until(
      () => this.received.endsWith(text),
      `${JSON.stringify(text)} after ${JSON.stringify(this.received.slice(-300))}`,
    );
  }

  /** Resolves once so many bytes came. */
  async bytes(count: number): Promise<void> {
    await this.watched.until(() => this.received.length >= count, `${count} bytes`);
  }

  /** Resolves to all that came, once the front closed. */
  async end(): Promise<string> {
    await this.watched.until(() => this.closed, 'the front closing');
    return this.received;
  }

  /** Counts bytes instead of keeping them from here on; resolves to all that came once they are more than `count`. */
  async drain(count: number): Promise<number> {
    let total = this.received.length;
    this.socket.removeAllListeners('data');
    this.socket.on('data', (bytes: Buffer) => {
      total += bytes.length;
      this.watched.changed();
    });
    await this.watched.until(() => total > count || this.closed, `more than ${count} bytes`);
    return total;
  }

  /** Goes away. */
  leave(): void {
    this.socket.destroy();
  }
}
