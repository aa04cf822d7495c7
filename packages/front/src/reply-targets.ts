import type { ServerReply } from '@m2/core';
import type { ClientConnection } from './client-connection.js';
import type { HandlerSocket, ReplySink } from './handler-socket.js';
import type { FrontStats } from './stats.js';

/** Does to the clients what replies say (protocol 4 and 5). */
export class ReplyTargets implements ReplySink {
  constructor(
    private readonly clients: ReadonlyMap<number, ClientConnection>,
    private readonly stats: FrontStats,
  ) {}

  /** Ids that are gone bounce as disconnect notices, but not a cancel's. */
  apply(reply: ServerReply, from: HandlerSocket): void {
    for (const id of reply.ids) {
      const client = this.clients.get(id);
      if (client !== undefined) applyTo(client, reply);
      else if (reply.kind !== 'control' || !reply.cancel) {
        this.stats.bounced++;
        from.notify(id, 'disconnect');
      }
    }
  }

  drop(ids: readonly number[]): void {
    for (const id of ids) this.clients.get(id)?.cancel();
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
