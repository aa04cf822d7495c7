import type { Visit } from '../visit.js';
import { pieces } from './pieces.js';
import { noteBody } from './watch-node.js';

/** Statuses whose Response can have no body. */
export const isNullBody = (status: number): boolean => status === 204 || status === 205 || status === 304;

/** Notes what a fetch app is given, and whether its signal aborts. */
export function watchFetch(request: Request, visit: Visit): void {
  visit.seen = { method: request.method, url: request.url, headers: Object.fromEntries(request.headers) };
  request.signal.addEventListener('abort', () => {
    visit.events.request.push('abort');
    settle(visit);
  });
  visit.began.resolve();
}

/** Reads the request body as apps do, and notes it. Rejects when it breaks off. */
export async function readFetchBody(request: Request, visit: Visit): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  try {
    for await (const bytes of request.body ?? []) {
      parts.push(bytes);
      visit.readSome.resolve();
    }
  } catch (error) {
    visit.bodyBroke = true;
    settle(visit);
    throw error;
  }
  const body = Buffer.concat(parts);
  noteBody(visit, body);
  return body;
}

/** Notes how the answer's body ended: `whole` for one that needs no stream. */
export function noteEnd(visit: Visit, how: 'whole' | 'end' | 'cancel' | 'failure'): void {
  visit.events.response.push(how);
  settle(visit);
}

/** Of a client that leaves, the signal tells, and what was under way breaks off; of an answer, its end. */
export function settle(visit: Visit): void {
  const aborted = visit.events.request.length > 0;
  const answered = visit.events.response.length > 0;
  const over = {
    request: aborted && visit.bodyBroke,
    waiting: aborted,
    answer: aborted && answered,
    never: answered,
  };
  if (over[visit.leaves ?? 'never']) visit.settled.resolve();
}

/** The body of an answer in pieces, as a stream that is asked for each of them. */
export function pieceStream(visit: Visit): ReadableStream<Uint8Array> {
  const source = pieces(visit.plan, visit);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { value, done } = await source.next();
          if (done !== true) return controller.enqueue(value);
          controller.close();
          noteEnd(visit, 'end');
        } catch (error) {
          noteEnd(visit, 'failure');
          throw error;
        }
      },
      cancel() {
        noteEnd(visit, 'cancel');
      },
    },
    { highWaterMark: 0 },
  );
}
