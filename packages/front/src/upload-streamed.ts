import type { IncomingMessage } from 'node:http';
import { BodySource } from './body-source.js';
import type { BodyFraming } from './request-head.js';
import type { RoutedRequest } from './routed-request.js';
import type { ResolvedSettings } from './settings.js';

/** What a streamed upload tells: all was sent, a handler's socket would not take a part, or the client left in the middle. */
export type StreamEnd = 'sent' | 'undelivered' | 'left';

/** Sends a body in parts, as the handler grants credits (protocol 7.3). */
export class StreamedUpload {
  private readonly source: BodySource;
  private credits = 0;
  private offset = 0;
  private started = false;
  private over = false;
  private clientLeft = false;
  /** Bytes of a body with a length that were not sent yet. */
  private remaining: number;

  constructor(
    private readonly request: RoutedRequest,
    parsed: IncomingMessage,
    private readonly framing: BodyFraming,
    private readonly settings: ResolvedSettings,
    private readonly ended: (end: StreamEnd) => void,
  ) {
    this.remaining = framing.kind === 'length' ? framing.length : 0;
    this.source = new BodySource(parsed, () => this.advance());
    // node:http is still at the head; what came in with it is known once it has read the rest.
    process.nextTick(() => this.start());
  }

  /** Credits of a `ctl` reply; they add up. */
  grant(credits: number): void {
    this.credits += credits;
    this.advance();
  }

  /** The client is gone. True: that is for later, as long as the handler owes credits (protocol 7.3). */
  left(): boolean {
    this.clientLeft = true;
    return !this.over && this.started && this.credits <= 0;
  }

  /** Sends nothing more. */
  abort(): void {
    this.over = true;
  }

  private start(): void {
    if (this.over) return;
    this.started = true;
    const { head } = this.request;
    head.table.set('UPLOAD_STREAM', '0');
    if (this.framing.kind === 'chunked') {
      if (!this.request.send()) this.end('undelivered');
    } else {
      // Whatever Mongrel2 has in its buffer by then.
      const body = this.source.take(this.settings.bufferSize);
      this.count(body.length);
      if (this.remaining === 0) head.table.set('UPLOAD_STREAM_DONE', '1');
      if (!this.request.send(body)) this.end('undelivered');
      else if (this.remaining === 0) this.end('sent');
    }
    this.advance();
  }

  private advance(): void {
    while (this.started && !this.over && this.credits > 0) {
      const next = this.framing.kind === 'chunked' ? this.nextChunk() : this.nextPart();
      if (next === undefined) break;
      const { offset } = this;
      const done = this.framing.kind === 'chunked' ? next.length === 0 : next.length === this.remaining;
      this.count(next.length);
      this.credits -= next.length;
      if (!this.request.sendPart(offset, done, next)) this.end('undelivered');
      else if (done) this.end('sent');
    }
    // All that had come was sent, and no more will come.
    if (this.started && !this.over && this.clientLeft && this.credits > 0) this.end('left');
  }

  /** One whole chunk, which may take the credits below zero; an empty one at the end. */
  private nextChunk(): Uint8Array | undefined {
    return this.source.shift() ?? (this.source.ended ? new Uint8Array(0) : undefined);
  }

  private nextPart(): Uint8Array | undefined {
    const { available } = this.source;
    const wanted = Math.min(this.credits, this.settings.contentLength, this.remaining);
    // Mongrel2 reads on before it sends less than it may, and then sees that the client is gone.
    if (available === 0 || (this.clientLeft && available < wanted)) return undefined;
    return this.source.take(wanted);
  }

  private count(bytes: number): void {
    this.offset += bytes;
    this.remaining -= bytes;
  }

  private end(end: StreamEnd): void {
    this.over = true;
    this.ended(end);
  }
}
