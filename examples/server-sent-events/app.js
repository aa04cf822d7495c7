// Server-sent events: m2 dev examples/server-sent-events/app.js
//
// Everybody who listens to /events gets a tick every second, and what is posted to /say. A browser that lost its
// connection tells the last id it saw, and gets what it missed.
import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('./page.html', import.meta.url));
const utf8 = new TextEncoder();

/** How long the clock waits between two ticks, in milliseconds. */
const TICK_MS = 1000;
/** How soon a browser that lost its connection comes back, in milliseconds. */
const RETRY_MS = 1000;
/** What those who come back may have missed, in events. */
const KEPT = 1000;
/** Bytes that may wait for one listener who does not read; then the stream is ended, and they come back for the rest. */
const MOST_WAITING = 64 * 1024;
const LONGEST = 1000;

/** @typedef {{ readonly id: number, readonly bytes: Uint8Array }} Event */

/** The last events, oldest first. @type {Event[]} */
const events = [];
/** @type {Set<ReadableStreamDefaultController<Uint8Array>>} */
const listeners = new Set();
let lastId = 0;
/** @type {NodeJS.Timeout | undefined} */
let clock;

/** @param {ReadableStreamDefaultController<Uint8Array>} listener @param {Uint8Array} bytes */
function tell(listener, bytes) {
  if ((listener.desiredSize ?? 0) > 0) return listener.enqueue(bytes);
  listeners.delete(listener);
  listener.close();
}

/** @param {string} type @param {unknown} data */
function publish(type, data) {
  const id = ++lastId;
  const bytes = utf8.encode(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  events.push({ id, bytes });
  if (events.length > KEPT) events.shift();
  for (const listener of listeners) tell(listener, bytes);
}

/** The clock runs while somebody listens. */
function wind() {
  if (listeners.size === 0) {
    clearInterval(clock);
    clock = undefined;
  } else clock ??= setInterval(() => publish('tick', { at: new Date().toISOString(), listeners: listeners.size }), TICK_MS);
}

/** @param {Request} request */
function listen(request) {
  const seen = Number(request.headers.get('last-event-id') ?? Number.NaN);
  /** @type {ReadableStreamDefaultController<Uint8Array>} */
  let own;
  const leave = () => {
    const listening = listeners.delete(own);
    wind();
    return listening;
  };
  const body = new ReadableStream(
    {
      start(controller) {
        own = controller;
        listeners.add(own);
        own.enqueue(utf8.encode(`retry: ${RETRY_MS}\n\n`));
        // Without an id there is nothing that was missed.
        for (const { id, bytes } of events) if (id > seen) tell(own, bytes);
        wind();
      },
      cancel: () => void leave(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MOST_WAITING }),
  );
  // Aborts when the listener leaves, and when the server stops: a stream without an end has to be ended.
  request.signal.addEventListener('abort', () => {
    if (leave()) own.close();
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } });
}

/** @param {Request} request */
async function say(request) {
  const text = await request.text();
  if (text.length === 0 || text.length > LONGEST) return new Response(`A text is 1 to ${LONGEST} characters.\n`, { status: 400 });
  publish('said', { text });
  return new Response(null, { status: 204 });
}

/** @type {Readonly<Record<string, (request: Request) => Response | Promise<Response>>>} */
const routes = {
  'GET /': () => new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } }),
  'GET /events': listen,
  'POST /say': say,
};

export default {
  /** @param {Request} request */
  fetch(request) {
    const route = routes[`${request.method} ${new URL(request.url).pathname}`];
    return route ? route(request) : new Response('Not found\n', { status: 404 });
  },
};
