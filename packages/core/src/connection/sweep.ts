import type { Client } from './client.js';

/** Sweeps after which a client that only waits for credits notices is forgotten. */
const PATIENCE = 3;

/** What one sweep found: ids of what is open, by their server's UUID, and who may be forgotten. */
export interface Sweep {
  readonly open: Map<string, number[]>;
  readonly forgotten: Client[];
}

/** Looks through all clients of a server link, once each keep-alive period. */
export function sweepClients(clients: Iterable<Client>): Sweep {
  const open = new Map<string, number[]>();
  const forgotten: Client[] = [];
  for (const client of clients) {
    // What was not open at the sweep before is younger than one period: Mongrel2 cuts only after several.
    if (client.sweeps++ === 0) continue;
    if (client.needsKeepAlive) {
      const ids = open.get(client.server);
      if (ids === undefined) open.set(client.server, [client.id]);
      else ids.push(client.id);
    } else if (client.sweeps > PATIENCE) forgotten.push(client);
  }
  return { open, forgotten };
}
