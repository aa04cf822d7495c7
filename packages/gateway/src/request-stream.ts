import { M2Error, type RequestBody } from '@m2/core';
import { toAbortError } from './abort-error.js';

/**
 * A request body as a byte stream that pulls: nothing is asked of the client before the app reads, so that an app that
 * reads slowly slows the client. It fails with an `AbortError` when the rest cannot come, with an M2Error when
 * the body is too large or its file cannot be read.
 */
export function bodyStream(body: RequestBody): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      type: 'bytes',
      async pull(controller) {
        const bytes = await nextBytes(body);
        if (bytes !== undefined) return controller.enqueue(bytes);
        controller.close();
        // A reader with a buffer of its own waits until that is given back.
        controller.byobRequest?.respond(0);
      },
      cancel() {
        body.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}

async function nextBytes(body: RequestBody): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const bytes = await body.read();
    return bytes === undefined ? undefined : ownBytes(bytes);
  } catch (error) {
    throw M2Error.is(error) && !isOfBody(error) ? toAbortError(error) : error;
  }
}

/** What is wrong with the body itself: an app must not take that for a client that left. */
const isOfBody = ({ code }: M2Error): boolean => code === 'M2_BODY_TOO_LARGE' || code.startsWith('M2_UPLOAD_');

/** Byte streams take the buffer away from whoever else has it: only one that nobody shares may be given. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const exact = bytes.byteLength === buffer.byteLength && buffer instanceof ArrayBuffer;
  return exact ? new Uint8Array(buffer) : new Uint8Array(bytes);
}
