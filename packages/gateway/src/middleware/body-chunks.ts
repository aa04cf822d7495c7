import { knownBody } from '../known-body.js';
import { checkResponse } from '../response-check.js';
import { chunkOf, Read } from '../stream-read.js';

/** The pieces of a body, one after the other. */
export class BodyChunks {
  constructor(
    private readonly reader: ReadableStreamDefaultReader<Uint8Array>,
    /** What was read already. */
    private first: Uint8Array[] = [],
    /** A read that was begun. */
    private pending?: Read,
  ) {}

  /** The next one; undefined at the end. Rejects with the stream's error. */
  async read(): Promise<Uint8Array | undefined> {
    const ready = this.first.shift();
    if (ready !== undefined) return ready;
    const { pending = new Read(this.reader) } = this;
    this.pending = pending;
    const result = await pending.wait();
    this.pending = undefined;
    return chunkOf(result);
  }

  /** Whether the next one, or the end, is there already. */
  async soon(): Promise<boolean> {
    if (this.first.length > 0) return true;
    this.pending ??= new Read(this.reader);
    return this.pending.soon();
  }

  /** Puts pieces back that were read, in their order. */
  unread(chunks: readonly Uint8Array[]): void {
    this.first = [...chunks, ...this.first];
  }

  /** Tells what makes the body that nobody will read the rest of it. */
  cancel(reason: unknown): void {
    this.first = [];
    this.reader.cancel(reason).catch(() => {});
  }

  /** The rest as a stream, which reads no further than it is read. */
  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = await this.read();
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        },
        cancel: (reason) => this.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }
}

/** A body: whole when all of it was there without waiting, else in pieces. */
export type TakenBody = { readonly whole: Uint8Array | string } | { readonly chunks: BodyChunks };

/**
 * Takes the body out of a Response, which then has none any more. Whole when all of it is there without waiting, as it is for what
 * was made of a text or bytes. Rejects with the error of its stream, and for a body that was taken before.
 */
export async function takeBody(response: Response, body: ReadableStream<Uint8Array>): Promise<TakenBody> {
  const fault = checkResponse(response);
  if (fault !== undefined) throw new TypeError(`the app ${fault[0]}: ${fault[1]}`);
  const known = knownBody(response);
  if (known !== undefined) return { whole: known };
  const reader = body.getReader();
  const chunks = new BodyChunks(reader);
  if (!(await chunks.soon())) return { chunks };
  const chunk = await chunks.read();
  if (chunk === undefined) return { whole: new Uint8Array(0) };
  const rest = new Read(reader);
  if ((await rest.soon()) && !rest.failed && rest.value().done) return { whole: chunk };
  return { chunks: new BodyChunks(reader, [chunk], rest) };
}

/** A Response like another one, with other headers and another body. */
export const remade = (response: Response, headers: Headers, body: BodyInit | null): Response =>
  new Response(body, { status: response.status, statusText: response.statusText, headers });
