// A fetch app with nothing but the web platform: npm start, or m2 dev examples/hello/app.js

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hello from m2</title>
<style>
  body { font: 1.05rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
  output { display: block; white-space: pre-wrap; background: #f3f3f3; padding: .75rem; min-height: 1.6rem; }
</style>
<h1>Hello from m2</h1>
<p>This page came through the whole path: the front spoke the protocol of Mongrel2, and a handler answered.</p>
<ul>
  <li><a href="/json">/json</a>: what the app sees of your request</li>
  <li><a href="/stream">/stream</a>: one line every half second</li>
  <li><code>POST /echo</code>: sends back what it gets</li>
</ul>
<form><input name="text" value="Say something" aria-label="Text"> <button>Echo</button></form>
<output></output>
<script>
  document.querySelector('form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const response = await fetch('/echo', { method: 'POST', body: event.target.text.value });
    document.querySelector('output').textContent = await response.text();
  });
</script>
</html>
`;

const lines = 10;
const pauseMs = 500;

/**
 * One line every half second. Ends early when the client leaves.
 * @param {AbortSignal} signal
 */
function slowLines(signal) {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (signal.aborted || sent === lines) return controller.close();
      sent += 1;
      controller.enqueue(new TextEncoder().encode(`line ${sent} of ${lines}\n`));
    },
  });
}

/**
 * @typedef {(request: Request, url: URL) => Response | Promise<Response>} Route
 * @type {Readonly<Record<string, Route>>}
 */
const routes = {
  'GET /': () => new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } }),
  'GET /json': (request, url) =>
    Response.json({ method: request.method, url: url.href, headers: Object.fromEntries(request.headers) }),
  'GET /stream': (request) =>
    new Response(slowLines(request.signal), {
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    }),
  'POST /echo': (request) =>
    new Response(request.body, {
      headers: { 'content-type': request.headers.get('content-type') ?? 'application/octet-stream' },
    }),
};

export default {
  /** @param {Request} request */
  fetch(request) {
    const url = new URL(request.url);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = routes[`${method} ${url.pathname}`];
    return route ? route(request, url) : new Response('Not found\n', { status: 404 });
  },
};
