/** One part of a streamed body, as the message that carries it says. */
export interface StreamPart {
  readonly offset: number;
  readonly done: boolean;
  readonly bytes: Uint8Array;
}

const EMPTY = new Uint8Array(0);

/**
 * The sending of one request body with `upload.stream=1` (protocol 7.3): nothing but the first message comes without
 * credits; parts of a Content-Length body never exceed the credits; of a chunked body one whole chunk comes at a time, and
 * credits may become negative by it.
 */
export class UploadStream {
  private credits = 0;
  private offset = 0;
  private finished = false;

  /**
   * @param pieces the chunks of a chunked body; or the body as one piece, to be cut.
   * @param chunked how the body is framed.
   * @param largest limits.content_length, the most that one part has.
   */
  constructor(
    private readonly pieces: Uint8Array[],
    private readonly chunked: boolean,
    private readonly largest: number,
  ) {}

  /** The last part was given. */
  get done(): boolean {
    return this.finished;
  }

  /** What goes with the head: up to `buffered` bytes of a body with a length, nothing of a chunked one. */
  first(buffered: number): StreamPart {
    if (this.chunked) return { offset: 0, done: false, bytes: EMPTY };
    const part = this.cut(buffered);
    this.credits = 0;
    return part;
  }

  grant(credits: number): void {
    this.credits += credits;
  }

  /** The next part that the credits allow. */
  next(): StreamPart | undefined {
    if (this.finished || this.credits <= 0) return undefined;
    if (!this.chunked) return this.cut(Math.min(this.credits, this.largest));
    const bytes = this.pieces.shift();
    if (bytes === undefined) this.finished = true;
    return this.part(bytes ?? EMPTY);
  }

  private cut(size: number): StreamPart {
    const [body = EMPTY] = this.pieces;
    const bytes = body.subarray(0, size);
    this.pieces[0] = body.subarray(bytes.length);
    this.finished = this.pieces[0].length === 0;
    return this.part(bytes);
  }

  private part(bytes: Uint8Array): StreamPart {
    const part = { offset: this.offset, done: this.finished, bytes };
    this.offset += bytes.length;
    this.credits -= bytes.length;
    return part;
  }
}
