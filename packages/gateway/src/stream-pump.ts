import type { HttpExchange, ResponseOptions } from '@m2/core';
import { toAbortError } from './abort-error.js';
import { describeValue } from './app-failure.js';

/**
 * Turns of the microtask queue that a read may take and still count as there already: enough for a body that was made of
 * a text or bytes, and for a few transforms on the way; nothing that waits for IO.
 */
const TURNS = 32;

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

type Result = ReadableStreamReadResult<Uint8Array>;

function chunkOf({ done, value }: Result): Uint8Array | undefined {
  if (done) return undefined;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`A body's stream gave ${describeValue(value)}; only Uint8Array can be sent.`);
}

/** One read of a stream, which can be looked at without waiting for it. */
class Read {
  failed = false;
  private result: Result | undefined;
  private error: unknown;
  private readonly done: Promise<void>;

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.done = reader.read().then(
      (result) => {
        this.result = result;
      },
      (error: unknown) => {
        this.failed = true;
        this.error = error;
      },
    );
  }

  get settled(): boolean {
    return this.failed || this.result !== undefined;
  }

  /** Whether it is over before anything else has happened. */
  async soon(): Promise<boolean> {
    for (let turn = 0; turn < TURNS && !this.settled; turn++) await undefined;
    return this.settled;
  }

  /** What was read, once it is settled. Throws the stream's error. */
  value(): Result {
    if (this.failed) throw this.error;
    return this.result as Result;
  }

  async wait(): Promise<Result> {
    await this.done;
    return this.value();
  }
}
