import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { MeasuredApp } from '../harness/measured-app.js';
import { RawClient } from '../harness/raw-client.js';
import { reportFigures } from './report.js';

const SECONDS = 60;
const PER_SECOND = 100;
const EVENTS = SECONDS * PER_SECOND;
const CLIENTS = 10;

for (const flowControl of [false, true]) {
  describeWithMongrel2(`A minute of server-sent events, flow control ${flowControl ? 'on' : 'off'}`, { flowControl }, (given) => {
    let app: MeasuredApp;
    beforeAll(async () => {
      app = await MeasuredApp.start('fetch', given.mongrel2.connect);
    });
    afterAll(() => app?.stop());

    it('reaches every client that reads', async () => {
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.connect(given.mongrel2.port)));
      const reading = clients.map(async (client) => {
        client.get(`/events/${EVENTS}/${1000 / PER_SECOND}`);
        return (await client.response({ ms: 600_000 })).text();
      });
      const texts = await Promise.all(reading);
      for (const text of texts) expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))).toEqual(ALL_IDS);
      for (const client of clients) await client.close();
      const { counters, peakRss, links } = await app.measure();
      reportFigures(`A minute of events, flow control ${links[0]?.flowControl}`, {
        clients: CLIENTS,
        'events to each': EVENTS,
        'highest RSS, MB': peakRss / 1_000_000,
        notices: counters.notices,
      });
      expect(counters).toMatchObject({ received: CLIENTS, replied: CLIENTS, truncated: 0, clientGone: 0 });
    });
  });
}

const ALL_IDS = Array.from({ length: EVENTS }, (_, id) => id);
