import { asyncBackend } from '@m2/backend-async';
import { type Client, Connection, type ConnectionOptions, type Handler, type M2Request, serve } from '@m2/core';
import { startFront } from '@m2/front';
import { within } from '../../harness/deadline.js';
import { LogCapture } from '../../harness/log-capture.js';
import type { AppKind, KindId } from '../apps/kind.js';
import { Visits } from '../visit.js';
import type { Target, TargetId } from './target.js';

/** Settings of Mongrel2 under which apps can do all that they can on `node:http`: uploads and downloads flow, heads may be long. */
export const SETTINGS = {
  'upload.stream': 1,
  // Never more than limits.content_length: with upload.stream Mongrel2 1.12 then reads past the end of its buffer.
  'limits.buffer_size': 16_384,
  'limits.client_read_retries': 50,
} as const;

/** Every kind of app in one handler; the first part of a path is the kind. */
class Kinds implements Handler {
  readonly visits = new Map<KindId, Visits>();
  private readonly handlers = new Map<string, Handler>();

  async add(kind: AppKind): Promise<void> {
    const visits = new Visits();
    this.visits.set(kind.id, visits);
    this.handlers.set(kind.id, await kind.handler(visits));
  }

  handle(message: M2Request, client: Client): void | Promise<void> {
    // What is no request belongs to one that is under way.
    if (message.kind !== 'http') return;
    const handler = this.handlers.get(message.path.split('/')[1] ?? '');
    if (handler === undefined) throw new Error(`No kind of app is at ${message.path}.`);
    return handler.handle(message, client);
  }

  stopping(graceMs: number): void {
    for (const handler of this.handlers.values()) handler.stopping?.(graceMs);
  }

  async close(): Promise<void> {
    for (const handler of this.handlers.values()) await handler.close?.();
  }
}

/** What takes HTTP in front of m2. */
interface Entrance {
  readonly port: number;
  readonly connect: ConnectionOptions;
  badReplies(): number;
}

async function behind(id: TargetId, entrance: Entrance, kinds: readonly AppKind[], after = async () => {}): Promise<Target> {
  const handler = new Kinds();
  for (const kind of kinds) await handler.add(kind);
  const logger = new LogCapture();
  const server = await serve(handler, new Connection({ logger, ...entrance.connect }), { backend: asyncBackend(), logger });
  await within(server.ready, 'm2 is connected');
  return {
    id,
    holdsSmallBodies: true,
    port: () => entrance.port,
    visits: (kind) => handler.visits.get(kind) as Visits,
    close: async () => {
      const { unfinished } = await server.stop({ graceMs: 5_000 });
      const bad = entrance.badReplies();
      const { received, replied, clientGone, shed, workerDied, timedOut } = server.stats().counters;
      await after();
      const counted = replied + clientGone + shed + workerDied + timedOut;
      if (unfinished > 0 || bad > 0 || counted !== received) {
        throw new Error(
          `m2 left ${unfinished} requests unfinished, sent ${bad} bad replies, and counted ${counted} of ${received} requests.`,
        );
      }
    },
  };
}

/** Apps behind m2 behind the embedded front. */
export async function frontTarget(kinds: readonly AppKind[]): Promise<Target> {
  const { 'upload.stream': uploads, 'limits.buffer_size': bufferSize } = SETTINGS;
  const settings = { 'upload.stream': uploads, 'limits.buffer_size': bufferSize, 'download.flow_control': 1 } as const;
  const front = await startFront({ handlers: { protocol: 'tnetstring' }, settings });
  const [{ sendSpec, recvSpec } = { sendSpec: '', recvSpec: '' }] = front.handlers;
  const entrance = { port: front.port, connect: { sendSpec, recvSpec }, badReplies: () => front.stats.badReplies };
  return await behind('front', entrance, kinds, () => front.close());
}

/** Apps behind m2 behind a Mongrel2, which is started and ended elsewhere. */
export const mongrel2Target = (mongrel2: Entrance, kinds: readonly AppKind[]): Promise<Target> =>
  behind('mongrel2', mongrel2, kinds);
