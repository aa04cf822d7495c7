import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Visit, Visits } from '../visit.js';
import { ALIVE, type AppKind } from './kind.js';
import { toHandler } from './node-handler.js';
import { filePath, pieces, plannedError, sizeOf, wholeBody } from './pieces.js';
import { addSeen, noteBody, readNodeBody, watchNode } from './watch-node.js';

/** What is used of Express's request. */
interface Request extends IncomingMessage {
  readonly ip: string;
  readonly protocol: string;
  readonly secure: boolean;
  readonly hostname: string;
  readonly path: string;
  readonly originalUrl: string;
  readonly query: Record<string, unknown>;
  readonly fresh: boolean;
  readonly xhr: boolean;
  body: unknown;
}

/** What is used of Express's response. */
interface Response extends ServerResponse {
  status(code: number): this;
  append(name: string, value: string): this;
  set(name: string, value: string): this;
  send(body: unknown): this;
  json(body: unknown): this;
  sendFile(path: string): void;
}

type Next = (error?: unknown) => void;
type Middleware = (req: Request, res: Response, next: Next) => unknown;

interface Express {
  (req: IncomingMessage, res: ServerResponse): void;
  set(name: string, value: unknown): this;
  use(handler: Middleware): this;
}

interface ExpressModule {
  (): Express;
  json(): Middleware;
}

const require = createRequire(import.meta.url);

/** The behaviours as an Express app: of version 5, or of version 4 that is installed under another name. */
function expressApp(module: string, visits: Visits): Express {
  const express = require(module) as ExpressModule;
  const app = express();
  // In this environment it writes no errors to the terminal.
  app.set('env', 'test');
  const parseJson = express.json();
  app.use((req, res, next) => {
    const visit = visits.find(req.originalUrl);
    if (visit === undefined) return res.end(ALIVE);
    watchNode(req, res, visit);
    addSeen(visit, {
      ip: req.ip,
      protocol: req.protocol,
      secure: req.secure,
      hostname: req.hostname,
      path: req.path,
      query: { ...req.query },
      fresh: req.fresh,
      xhr: req.xhr,
    });
    if (visit.plan.body.kind === 'json') {
      return parseJson(req, res, (error) => {
        if (error !== undefined) return next(error);
        noteBody(visit, Buffer.from(JSON.stringify(req.body ?? null)));
        send(req, res, visit, next).catch(next);
      });
    }
    // Version 5 waits for promises itself; both are told by next() of what comes late.
    if (visit.plan.failure === 'throw') throw plannedError();
    if (visit.plan.failure === 'reject' && module === 'express') return Promise.reject(plannedError());
    if (visit.plan.failure === 'reject') return void setImmediate(next, plannedError());
    answer(req, res, visit, next).catch(next);
  });
  return app;
}

async function answer(req: Request, res: Response, visit: Visit, next: Next): Promise<void> {
  if (visit.plan.read !== 'none') await readNodeBody(req, visit);
  if (visit.plan.hold === 'before') await visit.released.promise;
  await send(req, res, visit, next);
}

async function send(req: Request, res: Response, visit: Visit, next: Next): Promise<void> {
  const { plan } = visit;
  if (plan.hints !== undefined) res.writeEarlyHints({ link: [...plan.hints] });
  res.status(plan.status);
  if (plan.reason !== undefined) res.statusMessage = plan.reason;
  for (const [name, value] of plan.headers) res.append(name, value);
  switch (plan.body.kind) {
    case 'none':
      return void res.end();
    case 'whole':
      return void res.send(wholeBody(plan.body));
    case 'json':
      return void res.json(req.body ?? null);
    case 'file':
      return res.sendFile(filePath());
    case 'echo':
      return void res.send(`${visit.body?.size} ${visit.body?.hash}`);
    case 'pieces':
      if (plan.body.declared) res.set('Content-Length', `${sizeOf(plan.body)}`);
      if (plan.trailers !== undefined) res.set('Trailer', plan.trailers.map(([name]) => name).join(', '));
      await pipeline(Readable.from(withTrailers(res, visit), { objectMode: false }), res).catch(next);
  }
}

async function* withTrailers(res: ServerResponse, visit: Visit): AsyncGenerator<Buffer, void, void> {
  yield* pieces(visit.plan, visit);
  const { trailers } = visit.plan;
  if (trailers !== undefined) res.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
}

const kind = (id: 'express5' | 'express4', title: string, module: string): AppKind => ({
  id,
  title,
  without: new Set(),
  server: async (visits) => createServer(expressApp(module, visits)),
  handler: async (visits) => toHandler(expressApp(module, visits)),
});

/** Express 5. */
export const express5Kind = kind('express5', 'Express 5', 'express');

/** Express 4. */
export const express4Kind = kind('express4', 'Express 4', 'express4');
