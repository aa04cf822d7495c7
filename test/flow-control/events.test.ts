import { fetchHandler } from '@m2/gateway';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { RawClient } from '../harness/raw-client.js';
import { type Served, serveHandler } from '../harness/served.js';

const ROUNDS = 60;
/** Sent at once, of which a client that reads sees the last before more come: more in a row than 100 a second ever are. */
const EVENTS_PER_ROUND = 10;
const CLIENTS = 5;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const event = (id: number): string => `id: ${id}\ndata: event ${id}\n\n`;

/** A fetch app with one stream of events for everybody. */
class EventSourceApp {
  private readonly open = new Set<ReadableStreamDefaultController<Uint8Array>>();
  private readonly utf8 = new TextEncoder();

  readonly fetch = (request: Request): Response => {
    let own: ReadableStreamDefaultController<Uint8Array> | undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        own = controller;
        this.open.add(controller);
        controller.enqueue(this.utf8.encode('retry: 1000\n\n'));
      },
    });
    request.signal.addEventListener('abort', () => own && this.open.delete(own));
    return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } });
  };

  get listeners(): number {
    return this.open.size;
  }

  send(text: string): void {
    for (const controller of this.open) controller.enqueue(this.utf8.encode(text));
  }

  end(): void {
    for (const controller of this.open) controller.close();
  }
}

for (const flowControl of [false, true]) {
  describeWithMongrel2(`Server-sent events, flow control ${flowControl ? 'on' : 'off'}`, { flowControl }, (given) => {
    const app = new EventSourceApp();
    let served: Served;
    beforeAll(async () => {
      served = await serveHandler(fetchHandler(app.fetch), given.mongrel2.connect);
    });
    afterAll(() => served?.server.stop({ graceMs: 0 }));

    it('all reach every client that reads, and the streams stay open', { timeout: 60_000 }, async () => {
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.connect(given.mongrel2.port)));
      for (const client of clients) {
        client.get('/events');
        await client.sees('retry: 1000');
      }
      expect(app.listeners).toBe(CLIENTS);
      let sent = 0;
      for (let round = 0; round < ROUNDS; round++) {
        for (let n = 0; n < EVENTS_PER_ROUND; n++) {
          app.send(event(++sent));
          await turn();
        }
        for (const client of clients) await client.sees(`data: event ${sent}\n`);
      }
      app.end();
      const all = Array.from({ length: sent }, (_, n) => event(n + 1)).join('');
      for (const client of clients) {
        expect((await client.response()).text()).toBe(`retry: 1000\n\n${all}`);
        await client.close();
      }
      expect(served.server.stats().counters).toMatchObject({ replied: CLIENTS, truncated: 0, clientGone: 0 });
    });

    it('end with the client, and the app is told', async () => {
      const client = await RawClient.connect(given.mongrel2.port);
      client.get('/events');
      await client.sees('retry: 1000');
      await client.close();
      await served.ended.first('the stream ends with its client', ({ outcome }) => outcome === 'clientGone');
      expect(app.listeners).toBe(CLIENTS);
    });
  });
}
