import { deferred } from './harness.js';

const encoder = new TextEncoder();

/** A stream that the test feeds, and what became of it. */
export function fed() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const cancelled = deferred<unknown>();
  const stream = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    cancel: (reason) => cancelled.resolve(reason),
  });
  return {
    stream,
    cancelled: cancelled.promise,
    push: (text: string) => controller?.enqueue(encoder.encode(text)),
    end: () => controller?.close(),
    fail: (error: Error) => controller?.error(error),
  };
}
