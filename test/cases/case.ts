import { expect } from 'vitest';
import type { Gateway } from '../harness/gateway.js';
import { RawClient, request } from '../harness/raw-client.js';
import type { RawResponse } from '../harness/response-parser.js';

/** What the front of a gateway can do; the only way to leave a case out. */
export interface FrontAbilities {
  /** It tells how much it has written to a client, so that a slow reader slows the app down. */
  readonly flowControl: boolean;
}

/** One end-to-end case. It leaves no open connection and no open request behind. */
export interface GatewayCase {
  readonly name: string;
  /** The front must have this ability. */
  readonly needs?: keyof FrontAbilities;
  /** Deadline in milliseconds. Default: vitest's. */
  readonly ms?: number;
  run(given: Gateway): Promise<void>;
}

/** Runs `use` with a connection that is closed afterwards, whatever happens. */
export async function withClient<T>(given: Gateway, use: (client: RawClient) => Promise<T>): Promise<T> {
  const client = await RawClient.connect(given.port);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** One request on a connection of its own. */
export const ask = (given: Gateway, method: string, path: string, headers: string[] = [], body = ''): Promise<RawResponse> =>
  withClient(given, async (client) => {
    client.write(request(method, path, headers, body));
    return await client.response({ method });
  });

/** The connection still works: a further request on it gets its answer. */
export async function expectAlive(client: RawClient): Promise<void> {
  client.get('/hello');
  expect((await client.response()).text()).toBe('hello\n');
}

/** How many requests have ended so far; what ends from here on is found with {@link endedSince}. */
export const endedMark = (given: Gateway): number => given.ended.entries.length;

/** Waits for a request to end with this outcome, after the mark was taken. */
export const endedSince = (given: Gateway, mark: number, outcome: string) =>
  given.ended.first(`a request ends as ${outcome}`, (entry) => entry.outcome === outcome, mark);
