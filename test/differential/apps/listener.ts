import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { Plan } from '../plan.js';
import type { Visit, Visits } from '../visit.js';
import { ALIVE, type AppKind } from './kind.js';
import { toHandler } from './node-handler.js';
import { fileAnswer, pieces, sizeOf, wholeBody } from './pieces.js';
import { readNodeBody, watchNode } from './watch-node.js';

/** A plain `(req, res)` listener. */
export const listener = (visits: Visits) => {
  return (req: IncomingMessage, res: ServerResponse): void => {
    const visit = visits.find(req.url ?? '');
    if (visit === undefined) return void res.end(ALIVE);
    watchNode(req, res, visit);
    answer(req, res, visit).catch(() => res.destroy());
  };
};

async function answer(req: IncomingMessage, res: ServerResponse, visit: Visit): Promise<void> {
  const { plan } = visit;
  const body = plan.read === 'none' ? Buffer.alloc(0) : await readNodeBody(req, visit);
  if (plan.hold === 'before') await visit.released.promise;
  if (plan.hints !== undefined) res.writeEarlyHints({ link: [...plan.hints] });
  switch (plan.body.kind) {
    case 'none':
      return void writeHead(res, plan).end();
    case 'whole':
      return sendWhole(res, plan, wholeBody(plan.body));
    case 'echo':
    case 'json':
      return sendWhole(res, plan, body);
    case 'file': {
      const { status, headers, bytes } = fileAnswer((name) => req.headers[name] as string | undefined);
      return void res.writeHead(status, headers.flat()).end(bytes ?? undefined);
    }
    case 'pieces':
      await sendPieces(res, visit);
  }
}

/** With the head given apart, or made from the one piece that there is. */
function sendWhole(res: ServerResponse, plan: Plan, bytes: Buffer): void {
  // Of an answer that has no body Node sends whatever length it is told.
  if (plan.way % 2 === 0 || plan.status === 204) setHeaders(res, plan);
  else writeHead(res, plan, [['Content-Length', `${bytes.length}`]]);
  res.end(bytes);
}

async function sendPieces(res: ServerResponse, visit: Visit): Promise<void> {
  const { plan } = visit;
  if (plan.body.kind !== 'pieces') return;
  const length: [string, string][] = plan.body.declared ? [['Content-Length', `${sizeOf(plan.body)}`]] : [];
  const trailer: [string, string][] =
    plan.trailers === undefined ? [] : [['Trailer', plan.trailers.map(([name]) => name).join(', ')]];
  writeHead(res, plan, [...length, ...trailer]);
  if (plan.way % 3 === 0) res.flushHeaders();
  for await (const bytes of pieces(plan, visit)) {
    if (!res.write(bytes) && !res.destroyed)
      await new Promise<void>((resolve) => {
        res.once('drain', resolve);
        res.once('close', resolve);
      });
  }
  if (plan.trailers !== undefined) res.addTrailers(plan.trailers.map(([name, value]): [string, string] => [name, value]));
  res.end();
}

function setHeaders(res: ServerResponse, plan: Plan): void {
  res.statusCode = plan.status;
  if (plan.reason !== undefined) res.statusMessage = plan.reason;
  for (const [name, value] of plan.headers) res.appendHeader(name, value);
}

/** Each of the ways to give a head: one by one, as a flat list, as an object. */
function writeHead(res: ServerResponse, plan: Plan, more: [string, string][] = []): ServerResponse {
  const lines = [...plan.headers, ...more];
  if (plan.way % 3 === 0) {
    setHeaders(res, plan);
    for (const [name, value] of more) res.setHeader(name, value);
    return res;
  }
  const headers: OutgoingHttpHeaders | string[] = plan.way % 3 === 1 ? lines.flat() : grouped(lines);
  if (plan.reason === undefined) return res.writeHead(plan.status, headers as OutgoingHttpHeaders);
  return res.writeHead(plan.status, plan.reason, headers as OutgoingHttpHeaders);
}

function grouped(lines: readonly (readonly [string, string])[]): OutgoingHttpHeaders {
  const headers: Record<string, string[]> = {};
  for (const [name, value] of lines) headers[name] = [...(headers[name] ?? []), value];
  return headers;
}

/** Errors that a listener throws end a process, so it has no failure before the head. */
const without = new Set(['errors-before-head', 'rejections-before-head', 'json-bodies']);

/** A bare `(req, res)` function. */
export const listenerKind: AppKind = {
  id: 'listener',
  title: '(req, res) function',
  without,
  server: async (visits) => createServer(listener(visits)),
  handler: async (visits) => toHandler(listener(visits)),
};

/** An `http.Server` that never listens, as NestJS and others give. Its listener is found on it. */
function neverListening(visits: Visits): Server {
  const server = createServer();
  server.on('request', listener(visits));
  return server;
}

/** An `http.Server` object. */
export const serverKind: AppKind = {
  id: 'server',
  title: '`http.Server`',
  without,
  server: async (visits) => neverListening(visits),
  handler: async (visits) => toHandler(neverListening(visits)),
};
