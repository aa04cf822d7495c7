import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Visit, Visits } from '../visit.js';
import { ALIVE } from './kind.js';
import { fileAnswer, pieces, sizeOf, wholeBody } from './pieces.js';
import { isNullBody, noteEnd, settle } from './watch-fetch.js';
import { noteBody } from './watch-node.js';

/** What a plain fetch app does, written for `node:http`: the meaning of each step is the Fetch standard's. */
export const fetchTwin = (visits: Visits) => {
  return (req: IncomingMessage, res: ServerResponse): void => {
    const visit = visits.find(req.url ?? '');
    if (visit === undefined) return void res.end(ALIVE);
    watchTwin(req, res, visit);
    answer(req, res, visit).catch(() => res.destroy());
  };
};

function watchTwin(req: IncomingMessage, res: ServerResponse, visit: Visit): void {
  const headers = new Headers();
  for (let at = 0; at + 1 < req.rawHeaders.length; at += 2) {
    headers.append(req.rawHeaders[at] as string, req.rawHeaders[at + 1] as string);
  }
  const url = new URL(`http://${req.headers.host ?? 'localhost'}${req.url}`).href;
  visit.seen = { method: req.method ?? '', url, headers: Object.fromEntries(headers) };
  res.on('close', () => {
    if (res.writableFinished || visit.leaves === undefined) return;
    visit.events.request.push('abort');
    if (visit.plan.hold === 'after') visit.events.response.push('cancel');
    settle(visit);
  });
  visit.began.resolve();
}

async function readBody(req: IncomingMessage, visit: Visit): Promise<Buffer> {
  const parts: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    req.on('data', (bytes: Buffer) => {
      parts.push(bytes);
      visit.readSome.resolve();
    });
    req.on('end', resolve);
    req.on('error', () => {});
    req.on('close', () => reject(new Error('The request body broke off.')));
  }).catch((error: unknown) => {
    visit.bodyBroke = true;
    settle(visit);
    throw error;
  });
  // A Request with these methods has no body, whatever came.
  const body = req.method === 'GET' || req.method === 'HEAD' ? Buffer.alloc(0) : Buffer.concat(parts);
  noteBody(visit, body);
  return body;
}

async function answer(req: IncomingMessage, res: ServerResponse, visit: Visit): Promise<void> {
  const { plan } = visit;
  if (plan.failure === 'throw' || plan.failure === 'reject') return fail(res, visit);
  const body = plan.read === 'none' ? Buffer.alloc(0) : await readBody(req, visit);
  if (plan.hold === 'before') await visit.released.promise;
  res.statusCode = plan.status;
  if (plan.reason !== undefined) res.statusMessage = plan.reason;
  const headers = new Headers();
  for (const [name, value] of plan.headers) headers.append(name, value);
  if (plan.body.kind === 'json') headers.set('content-type', 'application/json');
  if (plan.body.kind !== 'file') for (const [name, value] of headers) res.appendHeader(name, value);
  if (plan.body.kind === 'pieces' && !isNullBody(plan.status)) {
    if (plan.body.declared) res.setHeader('content-length', sizeOf(plan.body));
    return stream(req, res, visit);
  }
  noteEnd(visit, 'whole');
  const bytes = whole(req, res, visit, body);
  // Of a body that it has as a whole, a server of fetch apps knows the length.
  const silent = isNullBody(res.statusCode) || (req.method === 'HEAD' && bytes === undefined);
  if (!silent) res.setHeader('content-length', Buffer.byteLength(bytes ?? ''));
  res.end(bytes);
}

function whole(req: IncomingMessage, res: ServerResponse, { plan }: Visit, body: Buffer): Buffer | string | undefined {
  if (plan.body.kind === 'file') {
    const file = fileAnswer((name) => req.headers[name] as string | undefined);
    res.statusCode = file.status;
    for (const [name, value] of file.headers) res.setHeader(name, value);
    return file.bytes ?? undefined;
  }
  if (isNullBody(plan.status) || plan.body.kind === 'none') return undefined;
  if (plan.body.kind === 'json') return JSON.stringify({ size: body.length });
  return plan.body.kind === 'whole' ? wholeBody(plan.body) : body;
}

/** What m2 answers for an app that fails. */
function fail(res: ServerResponse, visit: Visit): void {
  noteEnd(visit, 'failure');
  res.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': 22 }).end('Internal Server Error\n');
}

async function stream(req: IncomingMessage, res: ServerResponse, visit: Visit): Promise<void> {
  // Nobody reads it, so nothing makes it.
  if (req.method === 'HEAD') {
    noteEnd(visit, 'cancel');
    return void res.end();
  }
  try {
    for await (const bytes of pieces(visit.plan, visit)) res.write(bytes);
  } catch (error) {
    noteEnd(visit, 'failure');
    throw error;
  }
  if (res.destroyed) return;
  noteEnd(visit, 'end');
  res.end();
}
