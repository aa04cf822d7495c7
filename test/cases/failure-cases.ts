import { expect } from 'vitest';
import type { Gateway } from '../harness/gateway.js';
import { NonceLoad } from '../harness/nonce-load.js';
import { ask, endedMark, endedSince, expectAlive, type GatewayCase, withClient } from './case.js';

const CONNECTIONS = 32;
const REQUESTS = 50;

/** 500, nothing of the error told to the client, a line in the log, and the connection goes on. */
const answers500 = (given: Gateway, path: string): Promise<void> =>
  withClient(given, async (client) => {
    const logged = given.log.lines.entries.length;
    client.get(path);
    const response = await client.response();
    expect(response.status).toBe(500);
    expect(response.text()).not.toContain('secret');
    await given.log.lines.first(`a log line for ${path}`, ({ level }) => level === 'error', logged);
    await expectAlive(client);
  });

/** Many clients, clients that leave, apps that fail. */
export const failureCases: readonly GatewayCase[] = [
  {
    name: `${CONNECTIONS} connections with ${REQUESTS} requests each, all at once`,
    ms: 60_000,
    async run(given) {
      const load = new NonceLoad(given.port);
      await Promise.all(
        Array.from({ length: CONNECTIONS }, () => {
          let left = REQUESTS;
          return load.connection(() => left-- > 0);
        }),
      );
      expect([load.answered, load.unanswered, load.strangers]).toEqual([CONNECTIONS * REQUESTS, 0, []]);
    },
  },
  {
    name: 'a client that leaves in the middle of an answer aborts the app',
    async run(given) {
      const mark = endedMark(given);
      await withClient(given, async (client) => {
        client.get('/endless?leaving');
        await client.bytes(200_000);
        await client.reset();
      });
      await given.app.aborted('/endless?leaving');
      await given.app.cancelled('/endless?leaving');
      await endedSince(given, mark, 'clientGone');
    },
  },
  {
    name: 'a client that leaves before its answer aborts the app',
    async run(given) {
      const mark = endedMark(given);
      await withClient(given, async (client) => {
        client.get('/never?leaving');
        await given.app.saw('/never?leaving');
      });
      await given.app.aborted('/never?leaving');
      await endedSince(given, mark, 'clientGone');
    },
  },
  {
    name: 'a client that leaves with requests in the pipe takes them along',
    async run(given) {
      const mark = endedMark(given);
      await withClient(given, async (client) => {
        client.get('/never?pipe');
        client.get('/nonce');
        client.get('/nonce');
        await given.app.saw('/never?pipe');
        await withClient(given, expectAlive);
      });
      await given.app.aborted('/never?pipe');
      await endedSince(given, mark, 'clientGone');
      await withClient(given, expectAlive);
      const outcomes = given.ended.entries.slice(mark).map(({ outcome }) => outcome);
      expect(outcomes.filter((outcome) => outcome === 'clientGone')).toHaveLength(3);
    },
  },
  {
    name: 'a client that leaves after its answer aborts nothing',
    async run(given) {
      const seen = given.app.events.entries.length;
      given.app.open('answered');
      await withClient(given, async (client) => {
        client.get('/gate/answered');
        expect((await client.response()).status).toBe(200);
      });
      await withClient(given, expectAlive);
      expect(given.app.events.entries.slice(seen).filter(({ type }) => type !== 'request')).toEqual([]);
    },
  },
  { name: 'an app that throws answers 500', run: (given) => answers500(given, '/throws') },
  { name: 'an app that rejects answers 500', run: (given) => answers500(given, '/rejects') },
  { name: 'an app that returns no Response answers 500', run: (given) => answers500(given, '/nonsense') },
  {
    name: 'an answer that breaks off is not taken for a whole one',
    async run(given) {
      const mark = endedMark(given);
      await withClient(given, async (client) => {
        client.get('/breaks');
        await expect(client.response()).rejects.toThrow(/connection ended|Not a chunk size: undefined/);
      });
      const end = await endedSince(given, mark, 'replied');
      expect(end.truncated).toBe(true);
    },
  },
  {
    name: 'no bad reply can be made: each attempt is refused by a code, and nobody else waits',
    async run(given) {
      const results = JSON.parse((await ask(given, 'GET', '/bad-replies')).text()) as Record<string, string>;
      expect(Object.keys(results).length).toBeGreaterThan(30);
      expect(
        Object.entries(results).filter(
          ([, code]) => !/^M2_(?:BAD_REPLY|BAD_HEADER|BODY_LENGTH_MISMATCH|EXCHANGE_STATE)$/.test(code),
        ),
      ).toEqual([]);
      await withClient(given, expectAlive);
      expect(given.badReplies()).toBe(0);
    },
  },
];
