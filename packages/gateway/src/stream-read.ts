import { describeValue } from './app-failure.js';

/**
 * Turns of the microtask queue that a read may take and still count as there already: enough for a body that was made of
 * a text or bytes, and for a few transforms on the way; nothing that waits for IO.
 */
const TURNS = 32;

/** What a read of a body gives. */
export type ReadResult = ReadableStreamReadResult<Uint8Array>;

/** One read of a stream, which can be looked at without waiting for it. */
export class Read {
  /** It ended with an error. */
  failed = false;
  private result: ReadResult | undefined;
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

  /** It is over. */
  get settled(): boolean {
    return this.failed || this.result !== undefined;
  }

  /** Whether it is over before anything else has happened. */
  async soon(): Promise<boolean> {
    for (let turn = 0; turn < TURNS && !this.settled; turn++) await undefined;
    return this.settled;
  }

  /** What was read, once it is settled. Throws the stream's error. */
  value(): ReadResult {
    if (this.failed) throw this.error;
    return this.result as ReadResult;
  }

  /** Waits for it. Rejects with the stream's error. */
  async wait(): Promise<ReadResult> {
    await this.done;
    return this.value();
  }
}

/** What was read as bytes; undefined at the end. Throws a TypeError for what no body may give. */
export function chunkOf({ done, value }: ReadResult): Uint8Array | undefined {
  if (done) return undefined;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`A body's stream gave ${describeValue(value)}; only Uint8Array can be sent.`);
}
