import { fileURLToPath } from 'node:url';
import { loadApp } from '@m2/gateway/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { RawClient, request } from '../harness/raw-client.js';
import { type Served, serveHandler } from '../harness/served.js';

const path = (name: string): string => fileURLToPath(new URL(`../../examples/${name}/app.js`, import.meta.url));

/** Every byte there is, several times over, as latin1 text. */
const BYTES = String.fromCharCode(...Array.from({ length: 5000 }, (_, at) => at % 256));

for (const [folder, name] of [
  ['express', 'Express'],
  ['koa', 'Koa'],
  ['fastify', 'Fastify'],
  ['hono', 'Hono'],
] as const) {
  describeWithMongrel2(`examples/${folder} behind Mongrel2`, { flowControl: true }, (given) => {
    let served: Served;
    let client: RawClient;
    beforeAll(async () => {
      const { handler, kind } = await loadApp(path(folder));
      expect(kind).toBe(folder === 'hono' ? 'fetch' : folder);
      served = await serveHandler(handler, given.mongrel2.connect);
      client = await RawClient.connect(given.mongrel2.port);
    });
    afterAll(async () => {
      await client?.close();
      await served?.server.stop({ graceMs: 0 });
    });

    it('answers with a text, on one connection', async () => {
      for (let turn = 0; turn < 3; turn++) {
        client.get('/');
        const response = await client.response();
        expect(response.status).toBe(200);
        expect(response.text()).toBe(`Hello from ${name} behind Mongrel2\n`);
      }
    });

    it('reads the path, and answers with JSON', async () => {
      client.get('/hello/you');
      expect(JSON.parse((await client.response()).text())).toMatchObject({ hello: 'you' });
    });

    it('gives back the bytes of a request', async () => {
      client.write(request('POST', '/echo', ['Content-Type: application/octet-stream'], BYTES));
      const response = await client.response();
      expect(response.status).toBe(200);
      expect(Buffer.from(response.body).toString('latin1')).toBe(BYTES);
    });

    it('streams', async () => {
      client.get('/count');
      expect((await client.response()).text()).toBe('1\n2\n3\n4\n5\n');
    });

    it('answers 404 to what it does not know', async () => {
      client.get('/nowhere');
      expect((await client.response()).status).toBe(404);
    });
  });
}
