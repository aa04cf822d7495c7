import { fileURLToPath } from 'node:url';
import { loadApp } from '@m2/gateway/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { RawClient, request } from '../harness/raw-client.js';
import { type Served, serveHandler } from '../harness/served.js';

const APP = fileURLToPath(new URL('../../examples/server-sent-events/app.js', import.meta.url));

async function post(port: number, text: string): Promise<number> {
  const client = await RawClient.connect(port);
  client.write(request('POST', '/say', [], text));
  const { status } = await client.response();
  await client.close();
  return status;
}

for (const flowControl of [true, false]) {
  const name = `examples/server-sent-events behind Mongrel2, flow control ${flowControl ? 'on' : 'off'}`;
  describeWithMongrel2(name, { flowControl }, (given) => {
    let served: Served;
    beforeAll(async () => {
      const { handler } = await loadApp(APP);
      served = await serveHandler(handler, given.mongrel2.connect);
    });
    afterAll(() => served?.server.stop({ graceMs: 0 }));

    const connect = () => RawClient.connect(given.mongrel2.port);
    const listen = async (headers: string[] = []) => {
      const client = await connect();
      client.get('/events', ['Accept: text/event-stream', ...headers]);
      await client.sees('retry: 1000\n\n');
      return client;
    };
    const say = (text: string) => post(given.mongrel2.port, text);

    it('serves its page', async () => {
      const client = await connect();
      client.get('/');
      expect((await client.response()).text()).toContain("new EventSource('/events')");
      await client.close();
    });

    it('sends ticks, and what is said, to everybody who listens', async () => {
      const listeners = [await listen(), await listen(), await listen()];
      expect(await say(`hello to all ${flowControl}`)).toBe(204);
      for (const client of listeners) {
        await client.sees(`event: said\ndata: {"text":"hello to all ${flowControl}"}\n\n`);
        await client.sees('event: tick\n');
        await client.close();
      }
      expect(await say('x'.repeat(1001))).toBe(400);
    });

    it('gives one that comes back what it missed, and only that', async () => {
      const first = await listen();
      await say('seen');
      const [, id = ''] = /id: (\d+)\nevent: said\ndata: \{"text":"seen"\}/.exec(await first.sees('"seen"}')) ?? [];
      await first.close();
      await say('missed');
      const second = await listen([`Last-Event-ID: ${id}`]);
      const text = await second.sees('"missed"}');
      expect(text).not.toContain('"seen"');
      await second.close();
    });

    it('ends its streams well when the server stops, so that listeners come back at once', async () => {
      const client = await listen();
      const { unfinished } = await served.server.stop();
      expect(unfinished).toBe(0);
      expect((await client.response()).status).toBe(200);
      await client.close();
    });
  });
}
