import { connect, type Socket } from 'node:net';
import { ByteReader } from './byte-reader.js';
import { PATIENCE_MS, within } from './deadline.js';
import { type RawResponse, type ReadOptions, readResponse } from './response-parser.js';

/** Above so many unread bytes the client lets TCP hold the server back. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;

/** How much of what came last can be looked at besides being read. */
const TAIL_BYTES = 8 * 1024;

/**
 * A TCP client that writes exactly the bytes it is told to and parses responses strictly. Every wait has a deadline.
 */
export class RawClient {
  private readonly reader = new ByteReader(() => this.wanted());
  private readonly gone: Promise<void>;
  private stopped = false;
  private tail = '';
  private readonly watchers = new Set<() => void>();
  /** Bytes that came, read or not. */
  received = 0;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.received += bytes.length;
      this.reader.push(bytes);
      this.tail = `${this.tail}${bytes.toString('latin1', Math.max(0, bytes.length - TAIL_BYTES))}`.slice(-TAIL_BYTES);
      for (const watcher of this.watchers) watcher();
      if (this.reader.buffered > HIGH_WATER_BYTES) socket.pause();
    });
    socket.once('end', () => this.reader.end());
    socket.once('error', (error) => this.reader.end(error));
    this.gone = new Promise((resolve) => {
      socket.once('close', () => {
        this.reader.end(new Error('The connection was closed here.'));
        resolve();
      });
    });
  }

  /** Connects to a port of 127.0.0.1. */
  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const connected = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    await within(connected, `a connection to port ${port}`);
    return new RawClient(socket);
  }

  /** Writes bytes; a string is latin1. */
  write(bytes: string | Uint8Array): void {
    if (typeof bytes === 'string') this.socket.write(bytes, 'latin1');
    else this.socket.write(bytes);
  }

  /** Writes a request without a body. */
  get(path: string, headers: readonly string[] = []): void {
    this.write(request('GET', path, headers));
  }

  /** The next response; an error when the server closes instead. */
  async response(options: ReadOptions & { readonly ms?: number } = {}): Promise<RawResponse> {
    const found = await this.next(options);
    if (found === undefined) throw new Error('The server closed the connection instead of answering.');
    return found;
  }

  /** The next response, or undefined when the server closes cleanly instead. */
  async next(options: ReadOptions & { readonly ms?: number } = {}): Promise<RawResponse | undefined> {
    const before = this.received;
    const reading = readResponse(this.reader, options);
    return await within(reading, () => `a whole response (${this.received - before} bytes came)`, options.ms ?? PATIENCE_MS);
  }

  /** Waits until at least `count` bytes came, whatever they are. */
  async bytes(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    await within(
      this.reader.exactly(count, (part) => void parts.push(part)),
      () => `${count} bytes (${this.received} came)`,
    );
    return Buffer.concat(parts);
  }

  /** Waits until the text has come, read or not; resolves to the last that came. */
  async sees(text: string): Promise<string> {
    const seen = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.tail.includes(text)) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
    await within(seen, () => `${JSON.stringify(text)} comes; last came ${JSON.stringify(this.tail.slice(-200))}`);
    return this.tail;
  }

  /** Resolves when the server has closed its side, to whatever bytes came before. */
  async closed(): Promise<Buffer> {
    const parts: Buffer[] = [];
    const { reader } = this;
    const ending = (async () => {
      for (let part = await reader.some(); part !== undefined; part = await reader.some()) parts.push(part);
    })();
    await within(ending, 'the server closes the connection');
    return Buffer.concat(parts);
  }

  /** Takes nothing more from the socket, so that the server's writes begin to wait. */
  stopReading(): void {
    this.stopped = true;
    this.socket.pause();
  }

  /** Takes up reading again. */
  startReading(): void {
    this.stopped = false;
    this.socket.resume();
  }

  /** Ends this side only. */
  halfClose(): void {
    this.socket.end();
  }

  /** Breaks the connection with a TCP reset. */
  async reset(): Promise<void> {
    this.socket.resetAndDestroy();
    await this.gone;
  }

  /** Closes the connection from here. Idempotent. */
  async close(): Promise<void> {
    this.socket.destroy();
    await this.gone;
  }

  /** Somebody reads: takes up reading from the socket when it had run full. */
  private wanted(): void {
    if (this.stopped) throw new Error('stopReading() was called.');
    if (this.socket.isPaused() && this.reader.buffered < HIGH_WATER_BYTES / 4) this.socket.resume();
  }
}

/** A request's bytes as latin1 text: HTTP/1.1, with a Host unless `headers` has one. */
export function request(method: string, path: string, headers: readonly string[] = [], body = ''): string {
  const host = headers.some((line) => /^host:/i.test(line)) ? [] : ['Host: localhost'];
  const length = body === '' ? [] : [`Content-Length: ${body.length}`];
  return `${[`${method} ${path} HTTP/1.1`, ...host, ...headers, ...length].join('\r\n')}\r\n\r\n${body}`;
}
