import type { ServerReply } from '@m2/core';
import type { ClientConnection } from './client-connection.js';
import type { HandlerSocket } from './handler-socket.js';
import type { FrontStats } from './stats.js';

/** Does to the clients what a reply says (protocol 4 and 5). Ids that are gone bounce as disconnect notices, but not a cancel's. */
export function applyReply(
  reply: ServerReply,
  from: HandlerSocket,
  clients: ReadonlyMap<number, ClientConnection>,
  stats: FrontStats,
): void {
  for (const id of reply.ids) {
    const client = clients.get(id);
    if (client !== undefined) applyTo(client, reply);
    else if (reply.kind !== 'control' || !reply.cancel) {
      stats.bounced++;
      from.notify(id, 'disconnect');
    }
  }
}

function applyTo(client: ClientConnection, reply: ServerReply): void {
  if (reply.kind === 'data') client.deliver(reply.data);
  else if (reply.kind === 'close') client.closeWhenWritten();
  else {
    if (reply.credits !== undefined) client.grant(reply.credits);
    if (reply.cancel) client.cancel();
  }
}
