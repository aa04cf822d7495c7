import { newHash, patternBytes } from '../../harness/pattern.js';
import { RawClient } from '../../harness/raw-client.js';
import type { Summary } from './upload-app.js';

/** How a request body is framed. */
export type Framing = 'length' | 'chunked';
/** Both. */
export const FRAMINGS: readonly Framing[] = ['length', 'chunked'];

/** Mongrel2 closes the connection at a chunk over 102,400 bytes. */
const CHUNK = 32 * 1024;

/** A connection that sends one request body of the pattern, in as many steps as the test likes. */
export class Sender {
  private sent = 0;

  private constructor(
    readonly client: RawClient,
    private readonly framing: Framing,
    private readonly total: number,
  ) {}

  /** Connects and sends the head of a request with a body of `total` bytes. */
  static async begin(
    port: number,
    path: string,
    framing: Framing,
    total: number,
    headers: readonly string[] = [],
  ): Promise<Sender> {
    return Sender.on(await RawClient.connect(port), path, framing, total, headers);
  }

  /** The same on a connection that is there. */
  static on(client: RawClient, path: string, framing: Framing, total: number, headers: readonly string[] = []): Sender {
    const length = framing === 'length' ? `Content-Length: ${total}` : 'Transfer-Encoding: chunked';
    client.write([`POST ${path} HTTP/1.1`, 'Host: localhost', length, ...headers, '', ''].join('\r\n'));
    return new Sender(client, framing, total);
  }

  /** Sends the next bytes of the body. */
  send(count: number): void {
    for (const end = this.sent + count; this.sent < end; ) {
      const bytes = patternBytes(this.sent, Math.min(CHUNK, end - this.sent));
      if (this.framing === 'chunked') this.client.write(`${bytes.length.toString(16)}\r\n`);
      this.client.write(bytes);
      if (this.framing === 'chunked') this.client.write('\r\n');
      this.sent += bytes.length;
    }
  }

  /** Sends the rest, and the end. */
  finish(): void {
    this.send(this.total - this.sent);
    if (this.framing === 'chunked') this.client.write('0\r\n\r\n');
  }

  /** What the app is to answer. */
  get summary(): Summary {
    return { size: this.total, hash: newHash().update(patternBytes(0, this.total)).digest('hex') };
  }

  /** The response, as JSON. */
  async json(): Promise<unknown> {
    return JSON.parse((await this.client.response()).text());
  }
}
