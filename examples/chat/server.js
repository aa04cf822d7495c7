// node examples/chat/server.js [send_spec]
import { asyncBackend } from '@m2/backend-async';
import { serve } from '@m2/core';
import { createChat } from './chat.js';

const sendSpec = process.argv[2] ?? 'tcp://127.0.0.1:9997';
const log = (/** @type {string} */ text) => console.log(text);
const logger = { debug: () => {}, info: log, warn: log, error: log };

const server = await serve(createChat(), sendSpec, { backend: asyncBackend(), logger });
console.log(`The chat waits for Mongrel2 at ${sendSpec}.`);

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => {
    void server.stop({ graceMs: 2000 });
  });
}
server.ready.then(
  () => console.log('Mongrel2 is there.'),
  () => console.log('Stopped before Mongrel2 came.'),
);
await server.closed;
