import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { fetchHandler } from '@m2/gateway';
import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode, StatusCode } from 'hono/utils/http-status';
import type { Visit, Visits } from '../visit.js';
import { ALIVE, type AppKind } from './kind.js';
import { fileAnswer, plannedError, sizeOf, wholeBody } from './pieces.js';
import { isNullBody, noteEnd, pieceStream, readFetchBody, watchFetch } from './watch-fetch.js';
import { addSeen } from './watch-node.js';

function honoApp(visits: Visits): Hono {
  const app = new Hono();
  app.onError((_error, c) => c.text('failed', 500));
  app.all('*', (c): Response | Promise<Response> => {
    const visit = visits.find(c.req.path);
    if (visit === undefined) return c.text(ALIVE);
    watchFetch(c.req.raw, visit);
    addSeen(visit, { url: c.req.url, path: c.req.path, query: c.req.query(), accept: c.req.header('accept') });
    if (visit.plan.failure === 'throw') {
      noteEnd(visit, 'failure');
      throw plannedError();
    }
    return answer(c, visit);
  });
  return app;
}

async function answer(c: Context, visit: Visit): Promise<Response> {
  const { plan } = visit;
  if (plan.failure === 'reject') {
    noteEnd(visit, 'failure');
    throw plannedError();
  }
  const body = plan.read === 'none' ? new Uint8Array(0) : await readFetchBody(c.req.raw, visit);
  if (plan.hold === 'before') await visit.released.promise;
  c.status(plan.status as StatusCode);
  for (const [name, value] of plan.headers) c.header(name, value, { append: true });
  if (plan.body.kind === 'pieces' && !isNullBody(plan.status)) {
    if (plan.body.declared) c.header('content-length', `${sizeOf(plan.body)}`);
    return c.body(pieceStream(visit));
  }
  noteEnd(visit, 'whole');
  if (plan.body.kind === 'file') return file(c);
  if (isNullBody(plan.status) || plan.body.kind === 'none') return c.body(null);
  if (plan.body.kind === 'json') return c.json({ size: body.length });
  return c.body((plan.body.kind === 'whole' ? wholeBody(plan.body) : body) as Uint8Array<ArrayBuffer>);
}

function file(c: Context): Response {
  const { status, headers, bytes } = fileAnswer((name) => c.req.header(name));
  for (const [name, value] of headers) c.header(name, value);
  return bytes === null ? c.body(null, status) : c.body(bytes as Uint8Array<ArrayBuffer>, status as ContentfulStatusCode);
}

/** Hono, compared with itself on `@hono/node-server`. */
export const honoKind: AppKind = {
  id: 'hono',
  title: 'Hono',
  without: new Set(['early-hints', 'response-trailers', 'reason-phrases']),
  server: async (visits) => createAdaptorServer({ fetch: honoApp(visits).fetch, overrideGlobalObjects: false }) as Server,
  handler: async (visits) => fetchHandler(honoApp(visits)),
};
