import { deferred } from './deadline.js';

/** Bytes in the order they came, read in exact amounts. One reader at a time. */
export class ByteReader {
  private queue: Buffer[] = [];
  private ended: Error | 'end' | undefined;
  private wake: (() => void) | undefined;
  /** Bytes that came and were not read yet. */
  buffered = 0;

  /** `wanted` is called before each read: the source may have been stopped while nobody read. */
  constructor(private readonly wanted: () => void = () => {}) {}

  push(bytes: Buffer): void {
    this.queue.push(bytes);
    this.buffered += bytes.length;
    this.wake?.();
  }

  /** Nothing more comes: the peer ended (no cause), or the connection broke. */
  end(cause?: Error): void {
    this.ended ??= cause ?? 'end';
    this.wake?.();
  }

  /** The next bytes, as many as there are, at most `limit`; undefined at the end. */
  async some(limit = Number.POSITIVE_INFINITY): Promise<Buffer | undefined> {
    this.wanted();
    while (this.queue.length === 0) {
      if (this.ended === 'end') return undefined;
      if (this.ended !== undefined) throw this.ended;
      const arrival = deferred();
      this.wake = arrival.resolve;
      await arrival.promise;
    }
    const first = this.queue[0] as Buffer;
    if (first.length <= limit) this.queue.shift();
    else this.queue[0] = first.subarray(limit);
    const taken = first.subarray(0, limit);
    this.buffered -= taken.length;
    return taken;
  }

  /** Gives exactly `count` bytes to the sink. */
  async exactly(count: number, sink: (bytes: Buffer) => void): Promise<void> {
    for (let left = count; left > 0; ) {
      const bytes = await this.some(left);
      if (bytes === undefined) throw new Error(`The connection ended with ${left} of ${count} bytes missing.`);
      left -= bytes.length;
      sink(bytes);
    }
  }

  /** One line without its CRLF, as latin1; undefined when the stream ends before its first byte. A bare LF is refused. */
  async line(limit = 64 * 1024): Promise<string | undefined> {
    let text = '';
    for (;;) {
      const bytes = await this.some();
      if (bytes === undefined) {
        if (text === '') return undefined;
        throw new Error(`The connection ended within the line ${JSON.stringify(text)}.`);
      }
      const end = bytes.indexOf(0x0a) + 1;
      if (end > 0 && end < bytes.length) this.putBack(bytes.subarray(end));
      text += bytes.toString('latin1', 0, end > 0 ? end : bytes.length);
      if (text.endsWith('\r\n')) return text.slice(0, -2);
      if (end > 0) throw new Error(`A line ends with a bare LF: ${JSON.stringify(text)}.`);
      if (text.length > limit) throw new Error(`A line is longer than ${limit} bytes.`);
    }
  }

  private putBack(bytes: Buffer): void {
    this.queue.unshift(bytes);
    this.buffered += bytes.length;
  }
}
