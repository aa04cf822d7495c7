import { asyncBackend } from '@m2/backend-async';
import { Connection, type ConnectionOptions, type Server, serve } from '@m2/core';
import { fetchHandler, type Peer, type WebSocketHandler, webSocketHandler } from '@m2/gateway';
import { nodeDeflate } from '@m2/gateway/node';
import { within } from './deadline.js';
import { EventLog } from './event-log.js';
import { LogCapture } from './log-capture.js';

/** What a hook was told, and by which peer (its query is its name). */
export interface SocketEvent {
  readonly peer: string;
  readonly type: 'open' | 'message' | 'drain' | 'close' | 'error';
  readonly text: string;
}

/** WebSocket hooks behind m2 behind something that takes HTTP. */
export interface SocketGateway {
  /** Where HTTP is taken, on 127.0.0.1. */
  readonly port: number;
  readonly sockets: WebSocketHandler;
  readonly server: Server;
  readonly events: EventLog<SocketEvent>;
  /** The open peer of this name. */
  peer(name: string): Peer;
  /** How many replies the front could not read. */
  badReplies(): number;
}

/** The longest message that {@link serveSockets} takes. */
export const MAX_PAYLOAD = 11_000_000;

const nameOf = (peer: Peer): string => new URL(peer.request.url).search.slice(1);

/** Echoes messages, refuses `/refused`, decides late on `/slow`, and keeps what happens. Plain requests get `hello`. */
export async function serveSockets(
  connect: ConnectionOptions,
  front: { readonly port: number; badReplies(): number },
): Promise<SocketGateway> {
  const events = new EventLog<SocketEvent>();
  const add = (peer: Peer, type: SocketEvent['type'], text = ''): void => events.add({ peer: nameOf(peer), type, text });
  const sockets = webSocketHandler(
    {
      async upgrade(request) {
        const { pathname } = new URL(request.url);
        if (pathname === '/refused') return new Response('not you', { status: 403 });
        // What a client sent right after its handshake has come by the time that a later request was handled.
        if (pathname === '/slow') await (await fetch(`http://127.0.0.1:${front.port}/`)).text();
        return { headers: { 'x-greeting': 'hello' } };
      },
      open(peer) {
        peer.subscribe('all');
        add(peer, 'open');
      },
      message(peer, message) {
        add(peer, 'message', message.text().slice(0, 100));
        peer.send(message.data);
      },
      close: (peer, { code, reason, wasClean }) => add(peer, 'close', `${code} ${reason} ${wasClean}`),
      error: (peer, error) => add(peer, 'error', (error as Error).message),
    },
    { maxPayload: MAX_PAYLOAD, protocols: ['v2', 'v1'], deflate: nodeDeflate() },
  );
  const log = new LogCapture();
  const handler = fetchHandler(() => new Response('hello\n'), { websocket: sockets });
  const server = await serve(handler, new Connection({ logger: log, ...connect }), { backend: asyncBackend(), logger: log });
  await within(server.ready, 'm2 is connected');
  return {
    port: front.port,
    sockets,
    server,
    events,
    peer(name) {
      for (const peer of sockets.peers) if (nameOf(peer) === name) return peer;
      throw new Error(`No peer ${name} is open.`);
    },
    badReplies: () => front.badReplies(),
  };
}
