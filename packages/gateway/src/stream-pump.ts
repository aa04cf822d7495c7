import type { HttpExchange, ResponseOptions } from '@m2/core';
import { toAbortError } from './abort-error.js';
import { chunkOf, Read } from './stream-read.js';

/** A server-sent event stream, which does not end by itself. */
export const isEventStream = ({ headers }: Response): boolean => /^text\/event-stream\b/i.test(headers.get('content-type') ?? '');

/** Moves one response body from its stream to the client, as fast as the client takes it. */
export class StreamPump {
  /** The head was given. */
  began = false;
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private next: Read;
  private room = true;

  constructor(
    private readonly exchange: HttpExchange,
    private readonly response: Response,
    body: ReadableStream<Uint8Array>,
    private readonly options: ResponseOptions,
  ) {
    this.reader = body.getReader();
    this.next = new Read(this.reader);
  }

  /** Ends the stream where it is: reading it further says that it is done. */
  finish(): void {
    this.cancel(undefined);
  }

  /** Tells what makes the body that nobody will read the rest of it. */
  cancel(reason: unknown): void {
    this.reader.cancel(reason).catch(() => {});
  }

  /**
   * Answers with the whole body when it is there already; else gives the head, so that the client learns the status however
   * long the body takes. Resolves to whether something is left for `rest()`. Rejects as that does.
   */
  async begin(): Promise<boolean> {
    if (!(await this.next.soon())) return this.start();
    const chunk = chunkOf(this.next.value());
    if (chunk === undefined) return this.respond(NO_BYTES);
    this.next = new Read(this.reader);
    if ((await this.next.soon()) && !this.next.failed && this.next.value().done) return this.respond(chunk);
    if (!this.start()) return false;
    this.room = this.exchange.write(chunk);
    return true;
  }

  /** Resolves when the answer is complete or the client gone. Rejects with the stream's error, or the exchange's. */
  async rest(): Promise<void> {
    const { exchange, reader } = this;
    // Ends the read that is under way too, so that what makes the body stops at once.
    exchange.onAbort((cause) => this.cancel(toAbortError(cause)));
    if (!this.room) await exchange.drained();
    let result = await this.next.wait();
    while (!exchange.ended) {
      const chunk = chunkOf(result);
      if (chunk === undefined) return exchange.end();
      if (!exchange.write(chunk)) await exchange.drained();
      result = await reader.read();
    }
    this.cancel(undefined);
  }

  private start(): boolean {
    if (this.exchange.ended) {
      this.cancel(undefined);
      return false;
    }
    this.exchange.start(this.response.status, this.response.headers, this.options);
    this.began = true;
    return true;
  }

  private respond(bytes: Uint8Array): false {
    if (!this.exchange.ended) this.exchange.respond(this.response.status, this.response.headers, bytes, this.options);
    return false;
  }
}

const NO_BYTES = new Uint8Array(0);
