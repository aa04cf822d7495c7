import { createServer } from 'node:http';
import { fetchHandler } from '@m2/gateway';
import type { Visit, Visits } from '../visit.js';
import { fetchTwin } from './fetch-twin.js';
import { ALIVE, type AppKind } from './kind.js';
import { fileAnswer, plannedError, sizeOf, wholeBody } from './pieces.js';
import { isNullBody, noteEnd, pieceStream, readFetchBody, watchFetch } from './watch-fetch.js';

/** The behaviours as a plain fetch app. */
const fetchApp = (visits: Visits) => {
  return (request: Request): Response | Promise<Response> => {
    const visit = visits.find(new URL(request.url).pathname);
    if (visit === undefined) return new Response(ALIVE);
    watchFetch(request, visit);
    if (visit.plan.failure === 'throw') {
      noteEnd(visit, 'failure');
      throw plannedError();
    }
    return answer(request, visit);
  };
};

async function answer(request: Request, visit: Visit): Promise<Response> {
  const { plan } = visit;
  if (plan.failure === 'reject') {
    noteEnd(visit, 'failure');
    throw plannedError();
  }
  const body = plan.read === 'none' ? new Uint8Array(0) : await readFetchBody(request, visit);
  if (plan.hold === 'before') await visit.released.promise;
  const headers = new Headers();
  for (const [name, value] of plan.headers) headers.append(name, value);
  const init = { status: plan.status, headers, ...(plan.reason === undefined ? {} : { statusText: plan.reason }) };
  if (plan.body.kind === 'pieces' && !isNullBody(plan.status)) {
    if (plan.body.declared) headers.set('content-length', `${sizeOf(plan.body)}`);
    return new Response(pieceStream(visit), init);
  }
  noteEnd(visit, 'whole');
  return whole(request, visit, body, init);
}

function whole(request: Request, { plan }: Visit, body: Uint8Array, init: ResponseInit): Response {
  if (plan.body.kind === 'file') {
    const { status, headers, bytes } = fileAnswer((name) => request.headers.get(name) ?? undefined);
    return new Response(bytes as Uint8Array<ArrayBuffer> | null, { status, headers });
  }
  if (isNullBody(plan.status) || plan.body.kind === 'none') return new Response(null, init);
  if (plan.body.kind === 'json') return Response.json({ size: body.length }, init);
  if (plan.body.kind === 'whole') return new Response(wholeBody(plan.body) as Uint8Array<ArrayBuffer>, init);
  return new Response(body as Uint8Array<ArrayBuffer>, init);
}

/** A plain fetch function, compared with a `(req, res)` listener that does what the Fetch standard asks for. */
export const fetchKind: AppKind = {
  id: 'fetch',
  title: 'fetch function',
  standIn: true,
  without: new Set(['early-hints', 'response-trailers']),
  server: async (visits) => createServer(fetchTwin(visits)),
  handler: async (visits) => fetchHandler(fetchApp(visits)),
};
