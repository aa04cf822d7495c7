import type { Client } from './client.js';

/** Sweeps that the unread rest of a body may take after its request was answered, before its connection is closed. */
const REST_SWEEPS = 2;
/** Sweeps after which a client that only waits for credits notices is forgotten. */
const PATIENCE = 3;

/** What one sweep found. */
export interface Sweep {
  /** What is open: a server's UUID, and as many ids as go into one message. */
  readonly open: readonly (readonly [server: string, ids: readonly number[]])[];
  /** Who may be forgotten. */
  readonly forgotten: Client[];
  /** Clients that go on sending a body which nobody reads, for long. */
  readonly overdue: Client[];
}

/** Looks through all clients of a server link, once each keep-alive period; `maxTargets` ids go into one message. */
export function sweepClients(clients: Iterable<Client>, maxTargets: number): Sweep {
  const open = new Map<string, number[]>();
  const forgotten: Client[] = [];
  const overdue: Client[] = [];
  for (const client of clients) {
    // What was not open at the sweep before is younger than one period: Mongrel2 cuts only after several.
    if (client.sweeps++ === 0) continue;
    if (client.uploading && client.current === undefined && client.sweeps > REST_SWEEPS) overdue.push(client);
    else if (client.needsKeepAlive) {
      const ids = open.get(client.server);
      if (ids === undefined) open.set(client.server, [client.id]);
      else ids.push(client.id);
    } else if (client.sweeps > PATIENCE) forgotten.push(client);
  }
  return {
    open: [...open].flatMap(([server, ids]) => pieces(ids, maxTargets).map((some) => [server, some] as const)),
    forgotten,
    overdue,
  };
}

const pieces = (ids: readonly number[], size: number): (readonly number[])[] =>
  Array.from({ length: Math.ceil(ids.length / size) }, (_, n) => ids.slice(n * size, (n + 1) * size));
