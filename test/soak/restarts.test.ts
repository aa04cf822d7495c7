import { afterAll, beforeAll, expect, it } from 'vitest';
import { within } from '../harness/deadline.js';
import { describeWithMongrel2 } from '../harness/describe.js';
import { type Gateway, openRequests, serveApp } from '../harness/gateway.js';
import { NonceLoad } from '../harness/nonce-load.js';
import { reportFigures } from './report.js';

const MINUTE = 60_000;
const CLIENTS = 16;
/** Between two restarts, at least. */
const ANSWERS = 5_000;

/** Its connection may break at any time, and connecting may fail. */
async function persistentClient(load: NonceLoad, running: () => boolean): Promise<void> {
  while (running()) {
    await load.connection(running).catch(() => new Promise((resolve) => setImmediate(resolve)));
  }
}

for (const flowControl of [true, false]) {
  describeWithMongrel2(
    `Mongrel2 killed again and again, flow control ${flowControl ? 'on' : 'off'}`,
    { flowControl },
    (given) => {
      let gateway: Gateway;
      beforeAll(async () => {
        gateway = await serveApp(given.mongrel2.connect, given.mongrel2);
      });
      afterAll(() => gateway?.server.stop({ graceMs: 0 }));

      it('for a minute under load: every request ends once, and no answer reaches a stranger', async () => {
        const load = new NonceLoad(given.mongrel2.port);
        let running = true;
        const clients = Array.from({ length: CLIENTS }, () => persistentClient(load, () => running));
        const end = performance.now() + MINUTE;
        let restarts = 0;
        try {
          while (performance.now() < end) {
            await load.reaches(load.answered + ANSWERS);
            const logged = gateway.log.lines.entries.length;
            await given.mongrel2.restart(restarts++ % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
            await gateway.log.lines.first(
              'm2 sees the new subscription',
              ({ message }) => message.includes('subscribed to'),
              logged,
            );
          }
          await load.reaches(load.answered + ANSWERS);
        } finally {
          running = false;
          await within(Promise.all(clients), 'the clients end', 60_000);
        }
        const { unfinished } = await gateway.server.stop({ graceMs: 5_000 });
        const { counters } = gateway.server.stats();
        const { received, replied, clientGone, shed, workerDied, timedOut, truncated } = counters;
        reportFigures('Restarts under load', {
          restarts,
          answered: load.answered,
          unanswered: load.unanswered,
          ...{ received, replied, clientGone, shed, workerDied, timedOut, truncated },
        });
        expect(load.strangers).toEqual([]);
        expect(restarts).toBeGreaterThan(3);
        expect([unfinished, openRequests(gateway.server), gateway.ended.entries.length]).toEqual([0, 0, received]);
        expect(replied).toBeGreaterThanOrEqual(load.answered);
      });
    },
  );
}
