import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import type { Visit, Visits } from '../visit.js';
import { ALIVE, type AppKind } from './kind.js';
import { toHandler } from './node-handler.js';
import { FILE_ETAG, FILE_MODIFIED, fileAnswer, pieces, plannedError, sizeOf, wholeBody } from './pieces.js';
import { addSeen, readNodeBody, watchNode } from './watch-node.js';

/** What is used of Koa's context. */
interface Context {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly originalUrl: string;
  readonly ip: string;
  readonly protocol: string;
  readonly secure: boolean;
  readonly host: string;
  readonly path: string;
  readonly querystring: string;
  readonly fresh: boolean;
  status: number;
  message: string;
  length: number;
  etag: string;
  body: unknown;
  append(name: string, value: string): void;
  set(name: string, value: string): void;
  get(name: string): string;
}

interface Koa {
  silent: boolean;
  use(middleware: (context: Context) => Promise<void> | void): this;
  callback(): (req: IncomingMessage, res: ServerResponse) => void;
}

const require = createRequire(import.meta.url);

function koaApp(visits: Visits): Koa {
  const Application = require('koa') as new () => Koa;
  const app = new Application();
  app.silent = true;
  app.use((context) => {
    const visit = visits.find(context.originalUrl);
    if (visit === undefined) {
      context.body = ALIVE;
      return;
    }
    const { ip, protocol, secure, host, path, querystring, fresh } = context;
    watchNode(context.req, context.res, visit);
    addSeen(visit, { ip, protocol, secure, host, path, querystring, fresh });
    if (visit.plan.failure === 'throw') throw plannedError();
    if (visit.plan.failure === 'reject') return Promise.reject(plannedError());
    return answer(context, visit);
  });
  return app;
}

async function answer(context: Context, visit: Visit): Promise<void> {
  const { plan } = visit;
  const body = plan.read === 'none' ? Buffer.alloc(0) : await readNodeBody(context.req, visit);
  if (plan.hold === 'before') await visit.released.promise;
  if (plan.hints !== undefined) context.res.writeEarlyHints({ link: [...plan.hints] });
  context.status = plan.status;
  if (plan.reason !== undefined) context.message = plan.reason;
  for (const [name, value] of plan.headers) context.append(name, value);
  switch (plan.body.kind) {
    case 'none':
      context.body = null;
      // A body of nothing makes it 204.
      context.status = plan.status;
      return;
    case 'whole':
      context.body = wholeBody(plan.body);
      return;
    case 'echo':
    case 'json':
      context.body = { size: body.length, hash: visit.body?.hash };
      return;
    case 'file':
      return file(context);
    case 'pieces':
      if (plan.body.declared) context.length = sizeOf(plan.body);
      if (plan.trailers !== undefined) context.set('Trailer', plan.trailers.map(([name]) => name).join(', '));
      context.body = Readable.from(withTrailers(context.res, visit), { objectMode: false });
  }
}

/** Freshness is Koa's own business; a range is not. */
function file(context: Context): void {
  const answered = fileAnswer((name) => context.get(name) || undefined);
  context.status = 200;
  context.etag = FILE_ETAG;
  context.set('Last-Modified', FILE_MODIFIED);
  if (answered.status !== 304) {
    context.status = answered.status;
    for (const [name, value] of answered.headers) context.set(name, value);
    context.body = answered.bytes;
    context.status = answered.status;
  } else if (context.fresh) context.status = 304;
}

async function* withTrailers(res: ServerResponse, visit: Visit): AsyncGenerator<Buffer, void, void> {
  yield* pieces(visit.plan, visit);
  const { trailers } = visit.plan;
  if (trailers !== undefined) res.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
}

/** Koa 3. */
export const koaKind: AppKind = {
  id: 'koa',
  title: 'Koa 3',
  without: new Set(['json-bodies']),
  server: async (visits) => createServer(koaApp(visits).callback()),
  handler: async (visits) => toHandler(koaApp(visits)),
};
