import { deferred, within } from './deadline.js';
import { EventLog } from './event-log.js';
import { newHash, patternBytes } from './pattern.js';

/**
 * What the app tells the test: a request came, its signal aborted, its response's stream was cancelled, the first piece of its
 * body came, its body broke off.
 */
export interface AppEvent {
  readonly type: 'request' | 'abort' | 'cancel' | 'upload' | 'broken';
  /** Path and query. */
  readonly path: string;
}

type Answer = Response | Promise<Response>;
type Route = (app: TestApp, request: Request, url: URL) => Answer;

const PIECE = 64 * 1024;
const text = (body: string, init?: ResponseInit): Response => new Response(body, init);
const utf8 = new TextEncoder();

/**
 * The fetch app that end-to-end cases talk to. Where an answer has to wait, it waits for the test to `open` its gate; what it
 * sees is in `events`. Nothing in it waits for time to pass.
 */
export class TestApp {
  readonly events = new EventLog<AppEvent>();
  /** Bytes that `/endless` has been asked for. */
  produced = 0;
  private readonly gates = new Map<string, ReturnType<typeof deferred<void>>>();

  /** Lets what waits at the gate `name` go on, now or when it comes. */
  open(name: string): void {
    this.gate(name).resolve();
  }

  /** Resolves when the request for `path` (and query) has come. */
  saw(path: string): Promise<void> {
    return this.happened('request', path);
  }

  /** Resolves when the signal of the request for `path` has aborted. */
  aborted(path: string): Promise<void> {
    return this.happened('abort', path);
  }

  /** Resolves when the response body's stream for `path` was cancelled. */
  cancelled(path: string): Promise<void> {
    return this.happened('cancel', path);
  }

  /** Resolves when something of this type has happened to the request for `path`. */
  async happened(type: AppEvent['type'], path: string): Promise<void> {
    await this.events.first(`${type} of ${path}`, (event) => event.type === type && event.path === path);
  }

  readonly fetch = (request: Request): Answer => {
    const url = new URL(request.url);
    const path = url.pathname + url.search;
    this.events.add({ type: 'request', path });
    const route = ROUTES[url.pathname.split('/')[1] ?? ''];
    if (route === undefined) return text('no such route\n', { status: 404 });
    return route(this, request, url);
  };

  /** Resolves when the test opens the gate. */
  async pass(name: string): Promise<void> {
    await within(this.gate(name).promise, `the test opens the gate ${name}`, 60_000);
  }

  /** Tells the test when the request's signal aborts. */
  watch(request: Request, url: URL): void {
    request.signal.addEventListener('abort', () => this.events.add({ type: 'abort', path: url.pathname + url.search }));
  }

  /** A stream of what `next` gives, until it gives undefined. */
  stream(url: URL, next: () => Promise<Uint8Array | undefined>): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const bytes = await next();
          if (bytes === undefined) controller.close();
          else controller.enqueue(bytes);
        },
        cancel: () => this.events.add({ type: 'cancel', path: url.pathname + url.search }),
      },
      { highWaterMark: 0 },
    );
  }

  private gate(name: string): ReturnType<typeof deferred<void>> {
    let gate = this.gates.get(name);
    if (gate === undefined) {
      gate = deferred();
      this.gates.set(name, gate);
    }
    return gate;
  }
}

/** The part of the path at `index`, 0 being the route's own name. */
const part = (url: URL, index: number): string => url.pathname.split('/')[index + 1] ?? '';

/** A stream of `total` bytes of the pattern. */
function patternStream(app: TestApp, url: URL, total: number): ReadableStream<Uint8Array> {
  let at = 0;
  return app.stream(url, async () => {
    if (at === total) return undefined;
    const bytes = patternBytes(at, Math.min(PIECE, total - at));
    at += bytes.length;
    return bytes;
  });
}

/** A stream whose piece n (from 1) waits at the gate `name-n`; `count` pieces. */
function gatedStream(app: TestApp, url: URL, name: string, count: number, piece: (n: number) => string) {
  let sent = 0;
  return app.stream(url, async () => {
    if (sent === count) return undefined;
    sent++;
    if (sent > 1) await app.pass(`${name}-${sent}`);
    return utf8.encode(piece(sent));
  });
}

async function echo(request: Request): Promise<Response> {
  const body = await request.arrayBuffer();
  return new Response(body, {
    headers: { 'content-type': request.headers.get('content-type') ?? 'application/octet-stream', 'x-method': request.method },
  });
}

function status(url: URL): Response {
  const code = Number(part(url, 1));
  return new Response(code === 204 || code === 304 ? null : `status ${code}\n`, {
    status: code,
    headers: { 'x-code': `${code}` },
  });
}

function cookies(): Response {
  const headers = new Headers({ 'content-type': 'text/plain' });
  for (const cookie of ['a=1; Path=/', 'b=2; HttpOnly', 'c="x,y"']) headers.append('set-cookie', cookie);
  return text('cookies\n', { headers });
}

function endless(app: TestApp, request: Request, url: URL): Response {
  app.watch(request, url);
  return new Response(
    app.stream(url, async () => {
      const bytes = patternBytes(app.produced, PIECE);
      app.produced += PIECE;
      return bytes;
    }),
  );
}

function events(app: TestApp, request: Request, url: URL): Response {
  app.watch(request, url);
  return new Response(
    gatedStream(app, url, part(url, 1), 1000, (n) => `data: ${n}\n\n`),
    { headers: { 'content-type': 'text/event-stream' } },
  );
}

/** Reads the body piece by piece, waiting at the gate after the first piece, and answers with its size and hash. */
async function upload(app: TestApp, request: Request, url: URL): Promise<Response> {
  const path = url.pathname + url.search;
  const hash = newHash();
  let size = 0;
  try {
    for await (const bytes of request.body ?? []) {
      if (size === 0) {
        app.events.add({ type: 'upload', path });
        await app.pass(part(url, 1));
      }
      size += bytes.length;
      hash.update(bytes);
    }
  } catch (error) {
    app.events.add({ type: 'broken', path });
    throw error;
  }
  return Response.json({ size, hash: hash.digest('hex') });
}

const never = (): Promise<Response> => new Promise(() => {});

const ROUTES: Readonly<Record<string, Route>> = {
  '': () => text('root\n'),
  hello: () => text('hello\n', { headers: { 'content-type': 'text/plain; charset=utf-8' } }),
  /** /upload/<gate> */
  upload: (app, request, url) => upload(app, request, url),
  /** Answers without a look at the body. */
  ignore: () => text('ignored\n'),
  echo: (_app, request) => echo(request),
  binary: () => new Response(Uint8Array.from({ length: 256 }, (_, value) => value)),
  /** /whole/<bytes>: one piece of the pattern. */
  whole: (_app, _request, url) => new Response(patternBytes(0, Number(part(url, 1))) as Uint8Array<ArrayBuffer>),
  /** /big/<bytes>: the pattern as a stream, its length not told. */
  big: (app, _request, url) => new Response(patternStream(app, url, Number(part(url, 1)))),
  /** /sized/<bytes>: the pattern as a stream, with a Content-Length. */
  sized: (app, _request, url) =>
    new Response(patternStream(app, url, Number(part(url, 1))), { headers: { 'content-length': part(url, 1) } }),
  /** /gate/<name>: answers once the test has opened the gate. */
  gate: async (app, request, url) => {
    app.watch(request, url);
    await app.pass(part(url, 1));
    return text(`${part(url, 1)}\n`);
  },
  /** /steps/<name>/<count>: a stream; the first piece at once, piece n when the gate `<name>-n` is opened. */
  steps: (app, request, url) => {
    app.watch(request, url);
    return new Response(gatedStream(app, url, part(url, 1), Number(part(url, 2)), (n) => `step ${n}\n`));
  },
  /** /events/<name>: server-sent events, gated like steps. */
  events: (app, request, url) => events(app, request, url),
  endless: (app, request, url) => endless(app, request, url),
  headers: (_app, request) => Response.json([...request.headers]),
  url: (_app, request) => text(request.url),
  status: (_app, _request, url) => status(url),
  cookies: () => cookies(),
  close: () => text('closing\n', { headers: { connection: 'close' } }),
  /** Echoes the nonce that the client gave, in a header and in the body. */
  nonce: (_app, request) => {
    const nonce = request.headers.get('x-nonce') ?? '';
    return text(`${nonce}\n`, { headers: { 'x-nonce': nonce } });
  },
  throws: () => {
    throw new Error('the app threw: secret-in-message');
  },
  rejects: () => Promise.reject(new Error('the app rejected: secret-in-message')),
  nonsense: () => 42 as unknown as Response,
  /** Fails after its first piece. */
  breaks: (app, _request, url) => {
    let sent = false;
    return new Response(
      app.stream(url, async () => {
        if (sent) throw new Error('the stream broke');
        sent = true;
        return utf8.encode('first piece\n');
      }),
    );
  },
  never: (app, request, url) => {
    app.watch(request, url);
    return never();
  },
};
