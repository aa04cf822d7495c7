import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, openRequests } from '../harness/gateway.js';
import { bodyCases } from './body-cases.js';
import type { FrontAbilities, GatewayCase } from './case.js';
import { connectionCases } from './connection-cases.js';
import { failureCases } from './failure-cases.js';
import { messageCases } from './message-cases.js';

/** Cases by area. */
export type CaseLists = Readonly<Record<string, readonly GatewayCase[]>>;

/** Everything that must hold of an app behind m2, whatever takes HTTP in front of it. */
export const GATEWAY_CASES = {
  messages: messageCases,
  bodies: bodyCases,
  connections: connectionCases,
  failures: failureCases,
} as const satisfies CaseLists;

/** How the cases get their gateway, and what its front can do. */
export interface GatewaySetup {
  readonly abilities: FrontAbilities;
  start(): Promise<Gateway>;
}

/** Runs the lists against one gateway, started once; then stops it and checks that every request was counted once. */
export function gatewayCases(setup: GatewaySetup, lists: CaseLists = GATEWAY_CASES): void {
  let gateway: Gateway | undefined;
  const given = (): Gateway => {
    if (gateway === undefined) throw new Error('The gateway did not start.');
    return gateway;
  };
  beforeAll(async () => {
    gateway = await setup.start();
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(gateway?.log.lines.entries.slice(-20), gateway?.server.stats());
  });
  afterAll(async () => {
    await gateway?.server.stop({ graceMs: 0 });
  });
  for (const [area, cases] of Object.entries(lists)) {
    describe(area, () => {
      const possible = cases.filter(({ needs }) => needs === undefined || setup.abilities[needs]);
      for (const one of possible) it(one.name, () => one.run(given()), one.ms);
    });
  }
  it('ends with every request counted once, and nothing open', async () => {
    const { server, ended, badReplies } = given();
    const { unfinished } = await server.stop({ graceMs: 5_000 });
    expect([unfinished, openRequests(server)]).toEqual([0, 0]);
    expect(ended.entries.length).toBe(server.stats().counters.received);
    expect([server.stats().counters.malformed, badReplies()]).toEqual([0, 0]);
  });
}
