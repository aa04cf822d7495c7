import { asyncBackend } from '@m2/backend-async';
import {
  type Client,
  Connection,
  type ConnectionOptions,
  type Handler,
  HttpExchange,
  type HttpRequest,
  type Outcome,
  type Server,
  serve,
  type Transport,
} from '@m2/core';
import type { Front } from '@m2/front';
import { fetchHandler } from '@m2/gateway';
import { TestApp } from './app.js';
import { badReplies } from './bad-replies.js';
import { within } from './deadline.js';
import { EventLog } from './event-log.js';
import { LogCapture } from './log-capture.js';

/** How one request ended, as m2 counted it. */
export interface Ended {
  readonly server: string;
  readonly epoch: number;
  readonly id: number;
  readonly outcome: Outcome;
  readonly truncated: boolean;
}

/** The test app behind m2 behind something that takes HTTP. */
export interface Gateway {
  /** Where HTTP is taken, on 127.0.0.1. */
  readonly port: number;
  readonly app: TestApp;
  readonly server: Server;
  readonly ended: EventLog<Ended>;
  readonly log: LogCapture;
  /** How many replies the front could not read. */
  badReplies(): number;
}

/** An interim answer before the final one, which fetch apps cannot give. */
function earlyHints(message: HttpRequest, client: Client): void {
  const exchange = new HttpExchange(message, client);
  exchange.inform(103, [['Link', '</style.css>; rel=preload']]);
  exchange.respond(200, [['Content-Type', 'text/plain']], 'hinted\n');
}

/** The test app, with what is about handlers and not about fetch apps answered by handlers. */
function testHandler(app: TestApp): Handler {
  const inner = fetchHandler(app.fetch);
  return {
    handle: (message, client) => {
      if (message.kind === 'http' && message.path === '/bad-replies') return badReplies(message, client);
      if (message.kind === 'http' && message.path === '/early-hints') return earlyHints(message, client);
      return inner.handle(message, client);
    },
    stopping: (graceMs) => inner.stopping?.(graceMs),
    close: () => inner.close?.(),
  };
}

/** Serves the test app on this event loop, and waits until it is connected unless `ready` is false. */
export async function serveApp(
  connect: ConnectionOptions,
  front: { readonly port: number; badReplies(): number },
  options: { readonly ready?: boolean; readonly transport?: Transport } = {},
): Promise<Gateway> {
  const app = new TestApp();
  const ended = new EventLog<Ended>();
  const log = new LogCapture();
  const server = await serve(testHandler(app), new Connection({ logger: log, ...connect }), {
    backend: asyncBackend(options.transport === undefined ? {} : { transport: options.transport }),
    logger: log,
    ended: (uuid, epoch, id, outcome, truncated) => ended.add({ server: uuid, epoch, id, outcome, truncated }),
  });
  const gateway = { port: front.port, app, server, ended, log, badReplies: () => front.badReplies() };
  if (options.ready === false) return gateway;
  try {
    await within(server.ready, 'm2 is connected');
  } catch (error) {
    await server.stop({ graceMs: 0 });
    throw error;
  }
  return gateway;
}

/** Serves the test app behind an embedded front. */
export async function serveFront(front: Front): Promise<Gateway> {
  const [handler] = front.handlers;
  if (handler === undefined) throw new Error('The front has no handler.');
  const { sendSpec, recvSpec } = handler;
  return await serveApp({ sendSpec, recvSpec }, { port: front.port, badReplies: () => front.stats.badReplies });
}

/** Requests that were received and have not ended, by m2's own counts. */
export function openRequests(server: Server): number {
  const { received, replied, clientGone, shed, workerDied, timedOut } = server.stats().counters;
  return received - replied - clientGone - shed - workerDied - timedOut;
}
