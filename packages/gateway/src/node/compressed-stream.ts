import type { BodyChunks } from '../middleware/body-chunks.js';
import type { Coder, Compressor } from './zlib-codings.js';

/**
 * A body, compressed as it comes. Whenever there is nothing more to compress yet, what there was is given out, so that a client
 * can read each piece as soon as the app has made it. It reads no further than it is read, but for what the compressor holds.
 */
export function compressedStream(chunks: BodyChunks, coder: Coder): ReadableStream<Uint8Array> {
  const work = new Compression(chunks, coder);
  return new ReadableStream<Uint8Array>(
    { pull: (controller) => work.pull(controller), cancel: (reason) => work.cancel(reason) },
    { highWaterMark: 0 },
  );
}

class Compression {
  private readonly compressor: Compressor;
  private readonly output: AsyncIterator<Uint8Array>;
  private begun = false;

  constructor(
    private readonly chunks: BodyChunks,
    private readonly coder: Coder,
  ) {
    this.compressor = coder.stream();
    this.output = this.compressor[Symbol.asyncIterator]();
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const next = this.output.next();
    if (!this.begun) {
      this.begun = true;
      void this.feed();
    }
    const { done, value } = await next;
    if (done === true) controller.close();
    else controller.enqueue(value);
  }

  cancel(reason: unknown): void {
    this.chunks.cancel(reason);
    this.compressor.destroy();
  }

  /** Never rejects: what fails, `output` tells. */
  private async feed(): Promise<void> {
    const { chunks, compressor } = this;
    let held = false;
    try {
      for (;;) {
        if (held && !(await chunks.soon())) {
          compressor.flush(this.coder.flush);
          held = false;
        }
        const chunk = await chunks.read();
        if (compressor.destroyed) return;
        if (chunk === undefined) break;
        if (chunk.length === 0) continue;
        held = true;
        if (!compressor.write(chunk)) await roomIn(compressor);
      }
      compressor.end();
    } catch (error) {
      compressor.destroy(error as Error);
    }
  }
}

/** Resolves when there is room, or there never will be. */
const roomIn = (compressor: Compressor): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      compressor.off('drain', done).off('close', done);
      resolve();
    };
    compressor.on('drain', done).on('close', done);
  });
