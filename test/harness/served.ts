import { asyncBackend } from '@m2/backend-async';
import { Connection, type ConnectionOptions, type Handler, type Server, serve } from '@m2/core';
import { zmtpTransport } from '@m2/transport-zmtp';
import { within } from './deadline.js';
import { EventLog } from './event-log.js';
import type { Ended } from './gateway.js';
import { LogCapture } from './log-capture.js';
import { TappedTransport } from './tapped-transport.js';

/** A handler behind Mongrel2 or the front, and all that can be seen of it. */
export interface Served {
  readonly server: Server;
  readonly ended: EventLog<Ended>;
  readonly log: LogCapture;
  readonly tap: TappedTransport;
}

/** Serves any handler on this event loop, and waits until it is connected. Whoever calls it stops the server. */
export async function serveHandler(handler: Handler, connect: ConnectionOptions): Promise<Served> {
  const ended = new EventLog<Ended>();
  const log = new LogCapture();
  const tap = new TappedTransport(zmtpTransport());
  const server = await serve(handler, new Connection({ logger: log, ...connect }), {
    backend: asyncBackend({ transport: tap }),
    logger: log,
    ended: (uuid, epoch, id, outcome, truncated) => ended.add({ server: uuid, epoch, id, outcome, truncated }),
  });
  await within(server.ready, 'm2 is connected');
  return { server, ended, log, tap };
}
