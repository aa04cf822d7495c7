// The handler: a page for HTTP, hooks for WebSockets, and a plain handler for JSON sockets.
import { readFileSync } from 'node:fs';
import { combineHandlers, fetchHandler, webSocketHandler } from '@m2/gateway';
import { Room, TOPIC, toLine } from './room.js';

const page = readFileSync(new URL('./page.html', import.meta.url));

/** @param {Request} request */
function servePage(request) {
  if (new URL(request.url).pathname !== '/') return new Response('Not found\n', { status: 404 });
  return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } });
}

/**
 * A handler with a room of its own.
 * @returns {import('@m2/core').Handler & { room: Room }}
 */
export function createChat() {
  const websocket = webSocketHandler(
    {
      message(peer, message) {
        const answer = room.receive(peer, message.text(), () => peer.subscribe(TOPIC));
        if (answer !== undefined) peer.send(JSON.stringify(answer));
      },
      close: (peer) => room.leave(peer),
    },
    { maxPayload: 4096 },
  );
  const room = new Room((topic, text) => websocket.publish(topic, text));
  const decoder = new TextDecoder();

  /** JSON sockets need no more than this: each message comes with the client to answer to. @type {import('@m2/core').Handler} */
  const socket = {
    handle(message, client) {
      if (message.kind === 'xml-socket') return client.close();
      if (message.kind !== 'json-socket') return;
      const answer = room.receive(client, decoder.decode(message.body), () => room.addSocket(client));
      if (answer !== undefined) client.send(toLine(answer));
    },
  };

  const handler = combineHandlers({ http: fetchHandler(servePage), websocket, socket });
  return Object.assign(handler, { room });
}
