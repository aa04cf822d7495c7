// Bodies of a size, whole or streamed: node bench/contenders/bodies.mjs SEND_SPEC RECV_SPEC; GET /whole/BYTES, /stream/BYTES
import { asyncBackend } from '@m2/backend-async';
import { serve } from '@m2/core';
import { fetchHandler } from '@m2/gateway';
import { zmtpTransport } from '@m2/transport-zmtp';

const PIECE = new Uint8Array(64 * 1024).fill(0x78);
/** @type {Map<number, Uint8Array<ArrayBuffer>>} */
const wholes = new Map();

/** @param {number} size */
function whole(size) {
  if (!wholes.has(size)) wholes.set(size, new Uint8Array(size).fill(0x78));
  return new Response(wholes.get(size));
}

/** @param {number} size */
function streamed(size) {
  let left = size;
  return new Response(
    new ReadableStream({
      pull(controller) {
        if (left === 0) return controller.close();
        const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
        left -= piece.length;
        controller.enqueue(piece);
      },
    }),
  );
}

const [sendSpec = '', recvSpec = ''] = process.argv.slice(2);
const handler = fetchHandler((request) => {
  const [, kind, size] = new URL(request.url).pathname.split('/');
  return kind === 'stream' ? streamed(Number(size)) : whole(Number(size));
});
const server = await serve(handler, { sendSpec, recvSpec }, { backend: asyncBackend({ transport: zmtpTransport() }) });
await server.ready;
console.log('ready');
process.once('SIGTERM', () => server.stop({ graceMs: 0 }).then(() => process.exit(0)));
