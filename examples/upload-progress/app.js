// An upload with its progress: m2 dev examples/upload-progress/app.js --body-limit=0
//
// The browser sends the file to /upload/<id> and listens to /progress/<id> meanwhile. What it hears is how far the app has
// read the body, which it reads while it comes. Behind Mongrel2 that works with upload.stream=1, and with
// upload.temp_store and --upload-dir=DIR.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('./page.html', import.meta.url));

/** Ids are made by the page; anything else is not taken. */
const ID = /^[\w-]{1,40}$/;
/** Uploads at once, counted from the first that is heard of them. */
const MOST = 1000;
/** How often a browser that lost its connection comes back, in milliseconds. */
const RETRY_MS = 1000;

/**
 * @typedef {{ received: number, total: number | null, state: 'waiting' | 'receiving' | 'done' | 'failed', sha256?: string }} Progress
 * @typedef {{ progress: Progress, listeners: Set<() => void> }} Upload
 */

/** @type {Map<string, Upload>} */
const uploads = new Map();

/** @param {string} id */
function find(id) {
  let upload = uploads.get(id);
  if (upload === undefined && uploads.size < MOST) {
    upload = { progress: { received: 0, total: null, state: 'waiting' }, listeners: new Set() };
    uploads.set(id, upload);
  }
  return upload;
}

/** @param {Upload} upload @param {Partial<Progress>} news */
function tell(upload, news) {
  Object.assign(upload.progress, news);
  for (const listener of upload.listeners) listener();
}

/** @param {Upload} upload @param {string} id */
function forget(upload, id) {
  const { state } = upload.progress;
  const over = state === 'done' || state === 'failed' || state === 'waiting';
  if (over && upload.listeners.size === 0 && uploads.get(id) === upload) uploads.delete(id);
}

/** @param {Request} request @param {string} id */
async function receive(request, id) {
  const upload = find(id);
  if (upload === undefined) return new Response('Too many uploads\n', { status: 503, headers: { 'retry-after': '10' } });
  if (upload.progress.state !== 'waiting') return new Response('This id is in use\n', { status: 409 });
  const length = request.headers.get('content-length');
  tell(upload, { state: 'receiving', total: length === null ? null : Number(length) });
  const hash = createHash('sha256');
  try {
    for await (const bytes of request.body ?? []) {
      hash.update(bytes);
      tell(upload, { received: upload.progress.received + bytes.length });
    }
    tell(upload, { state: 'done', sha256: hash.digest('hex') });
    return Response.json(upload.progress);
  } catch (error) {
    tell(upload, { state: 'failed' });
    throw error;
  } finally {
    forget(upload, id);
  }
}

/** Server-sent events: one whenever there is news and the browser has taken the one before. @param {Request} request @param {string} id */
function follow(request, id) {
  const upload = find(id);
  if (upload === undefined) return new Response('Too many uploads\n', { status: 503, headers: { 'retry-after': '10' } });
  const encoder = new TextEncoder();
  let news = true;
  let over = false;
  let wake = () => {};
  const listener = () => {
    news = true;
    wake();
  };
  const leave = () => {
    over = true;
    upload.listeners.delete(listener);
    forget(upload, id);
    wake();
  };
  upload.listeners.add(listener);
  request.signal.addEventListener('abort', leave);
  const body = new ReadableStream(
    {
      start(controller) {
        controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`));
      },
      async pull(controller) {
        while (!news && !over) {
          await new Promise((resolve) => {
            wake = () => resolve(undefined);
          });
        }
        if (over) return controller.close();
        news = false;
        const { progress } = upload;
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(progress)}\n\n`));
        if (progress.state === 'done' || progress.state === 'failed') {
          leave();
          controller.close();
        }
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } });
}

export default {
  /** @param {Request} request */
  fetch(request) {
    const [, route = '', id = ''] = new URL(request.url).pathname.split('/');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (method === 'GET' && route === '') {
      return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } });
    }
    if (!ID.test(id)) return new Response('Not found\n', { status: 404 });
    if (method === 'POST' && route === 'upload') return receive(request, id);
    if (method === 'GET' && route === 'progress') return follow(request, id);
    return new Response('Not found\n', { status: 404 });
  },
};
