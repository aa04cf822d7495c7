import type { IncomingMessage, ServerResponse } from 'node:http';
import { newHash } from '../../harness/pattern.js';
import type { Seen, SeenBody } from '../plan.js';
import type { Visit } from '../visit.js';

/** Notes what a `(req, res)` app is given, and what happens to it. */
export function watchNode(req: IncomingMessage, res: ServerResponse, visit: Visit): void {
  visit.seen = seenOf(req);
  const { request, response } = visit.events;
  for (const name of ['aborted', 'end', 'error', 'close']) req.on(name, () => request.push(name));
  for (const name of ['finish', 'error', 'close']) res.on(name, () => response.push(name));
  const over = (): void => {
    if (request.includes('close') && response.includes('close')) visit.settled.resolve();
  };
  req.on('close', over);
  res.on('close', () => {
    visit.closing = {
      'req.complete': req.complete,
      'req.aborted': req.aborted,
      'res.headersSent': res.headersSent,
      'res.writableEnded': res.writableEnded,
      'res.writableFinished': res.writableFinished,
    };
    over();
  });
  visit.began.resolve();
}

function seenOf(req: IncomingMessage): Seen {
  const { method = '', url = '', httpVersion, headers } = req;
  return {
    method,
    url,
    httpVersion,
    headers: { ...headers } as Record<string, string | readonly string[]>,
    rawHeaders: groupPairs(req.rawHeaders),
    framework: {
      'socket.remoteAddress': req.socket.remoteAddress,
      'socket.encrypted': 'encrypted' in req.socket ? req.socket.encrypted : false,
      httpVersionMajor: req.httpVersionMajor,
      httpVersionMinor: req.httpVersionMinor,
    },
  };
}

/** Adds what the framework says of the request. */
export function addSeen(visit: Visit, framework: Readonly<Record<string, unknown>>): void {
  const { seen } = visit;
  if (seen !== undefined) visit.seen = { ...seen, framework: { ...seen.framework, ...framework } };
}

/** Values by name in lower case, each in the order that it came in. */
export function groupPairs(flat: readonly string[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = (flat[at] as string).toLowerCase();
    grouped[name] = [...(grouped[name] ?? []), flat[at + 1] as string];
  }
  return grouped;
}

/** Reads the request body as apps do, notes it, and gives it. Rejects when it breaks off. */
export async function readNodeBody(req: IncomingMessage, visit: Visit): Promise<Buffer> {
  const parts: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    req.on('data', (bytes: Buffer) => {
      parts.push(bytes);
      visit.readSome.resolve();
    });
    req.on('end', resolve);
    req.on('close', () => reject(new Error('The request body broke off.')));
  }).catch((error: unknown) => {
    visit.bodyBroke = true;
    throw error;
  });
  const body = Buffer.concat(parts);
  noteBody(visit, body, req.trailers);
  return body;
}

/** Notes what was read of a body. */
export function noteBody(visit: Visit, body: Uint8Array, trailers: NodeJS.Dict<string> = {}): void {
  const noted: SeenBody = {
    size: body.length,
    hash: newHash().update(body).digest('hex').slice(0, 16),
    trailers: { ...trailers } as Record<string, string>,
  };
  visit.body = noted;
  visit.readAll.resolve();
}
