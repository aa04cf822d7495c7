import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { within } from '../harness/deadline.js';
import { SocketClient } from '../harness/socket-client.js';
import type { SocketGateway } from '../harness/socket-gateway.js';
import { closeCases, handshakeCases, messageCases } from './socket-cases.js';

const CASES = { messages: messageCases, handshakes: handshakeCases, ends: closeCases } as const;

/** Runs every WebSocket case against one gateway, started once; then stops it with peers open. */
export function socketCases(start: () => Promise<SocketGateway>): void {
  let gateway: SocketGateway | undefined;
  const given = (): SocketGateway => {
    if (gateway === undefined) throw new Error('The gateway did not start.');
    return gateway;
  };
  beforeAll(async () => {
    gateway = await start();
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(gateway?.events.entries.slice(-20), gateway?.sockets.stats());
  });
  afterAll(async () => {
    await gateway?.server.stop({ graceMs: 0 });
  });
  for (const [area, cases] of Object.entries(CASES)) {
    describe(area, () => {
      for (const one of cases) it(one.name, () => one.run(given()));
    });
  }
  it('stops: everyone is told 1001, every close hook was called once, nothing is left', async () => {
    const { server, sockets, events, port, badReplies } = given();
    const clients = await Promise.all(Array.from({ length: 10 }, (_, n) => SocketClient.open(port, `/?stop-${n}`)));
    const stopped = server.stop({ graceMs: 10_000 });
    for (const client of clients) expect(await client.closed()).toEqual({ code: 1001, reason: '' });
    expect(await within(stopped, 'the server stops')).toEqual({ unfinished: 0 });
    for (let n = 0; n < clients.length; n++) {
      expect(events.entries.filter(({ peer }) => peer === `stop-${n}`).map(({ type, text }) => `${type} ${text}`)).toEqual([
        'open ',
        'close 1001  true',
      ]);
    }
    const count = (type: string): number => events.entries.filter((event) => event.type === type).length;
    expect(count('close')).toBe(count('open'));
    expect(sockets.stats()).toMatchObject({ peers: 0, upgrading: 0, opened: count('open'), hookErrors: 0 });
    expect([server.stats().counters.malformed, badReplies()]).toEqual([0, 0]);
  });
}
