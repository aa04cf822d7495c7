import { expect } from 'vitest';
import { request } from '../harness/raw-client.js';
import { expectAlive, type GatewayCase, withClient } from './case.js';

/** How long a TCP connection lives, and several requests on one. */
export const connectionCases: readonly GatewayCase[] = [
  {
    name: 'keep-alive: answers of every framing on one connection',
    run: (given) =>
      withClient(given, async (client) => {
        for (const path of ['/hello', '/big/70000', '/sized/70000', '/status/204', '/cookies', '/hello']) {
          client.get(path);
          expect([path, (await client.response()).status < 300]).toEqual([path, true]);
        }
        client.write(request('POST', '/echo', [], 'body'));
        expect((await client.response()).text()).toBe('body');
        await expectAlive(client);
      }),
  },
  {
    name: 'HTTP/1.0 is answered and closed',
    run: async (given) => {
      await withClient(given, async (client) => {
        client.write('GET /hello HTTP/1.0\r\n\r\n');
        const response = await client.response();
        expect([response.text(), response.header('connection')]).toEqual(['hello\n', 'close']);
        expect((await client.closed()).length).toBe(0);
      });
      await withClient(given, async (client) => {
        client.write('GET /big/300000 HTTP/1.0\r\nHost: localhost\r\n\r\n');
        const response = await client.response();
        expect([response.framing, response.body.length]).toEqual(['close', 300_000]);
      });
    },
  },
  {
    name: 'HTTP/1.0 with keep-alive goes on',
    run: (given) =>
      withClient(given, async (client) => {
        for (let n = 0; n < 3; n++) {
          client.write('GET /hello HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n');
          const response = await client.response();
          expect([response.text(), response.header('connection')?.toLowerCase()]).toEqual(['hello\n', 'keep-alive']);
        }
      }),
  },
  {
    name: 'Connection: close, from either side',
    run: async (given) => {
      await withClient(given, async (client) => {
        client.get('/hello', ['Connection: close']);
        const response = await client.response();
        expect([response.text(), response.header('connection')]).toEqual(['hello\n', 'close']);
        expect((await client.closed()).length).toBe(0);
      });
      await withClient(given, async (client) => {
        client.get('/close');
        const response = await client.response();
        expect([response.text(), response.header('connection')]).toEqual(['closing\n', 'close']);
        expect((await client.closed()).length).toBe(0);
      });
    },
  },
  {
    name: 'ten pipelined requests, the first one slow, are answered in order',
    run: (given) =>
      withClient(given, async (client) => {
        const rest = Array.from({ length: 9 }, (_, n) => request('GET', '/nonce', [`X-Nonce: pipelined-${n}`]));
        const mark = given.app.events.entries.length;
        client.write([request('GET', '/gate/pipelining'), ...rest].join(''));
        await given.app.saw('/gate/pipelining');
        // All that the front wants to hand over has come by the time that another client was served.
        await withClient(given, expectAlive);
        expect(given.app.events.entries.slice(mark).filter(({ path }) => path === '/nonce')).toEqual([]);
        expect(client.received).toBe(0);
        given.app.open('pipelining');
        expect((await client.response()).text()).toBe('pipelining\n');
        for (let n = 0; n < rest.length; n++) expect((await client.response()).text()).toBe(`pipelined-${n}\n`);
        await expectAlive(client);
      }),
  },
  {
    name: 'pipelined requests with bodies and streamed answers keep their order',
    run: (given) =>
      withClient(given, async (client) => {
        const round = [request('POST', '/echo', [], 'first'), request('GET', '/big/150000'), request('HEAD', '/hello')];
        client.write([...round, request('GET', '/status/204'), request('GET', '/hello', ['Connection: close'])].join(''));
        expect((await client.response()).text()).toBe('first');
        expect((await client.response()).body.length).toBe(150_000);
        expect((await client.response({ method: 'HEAD' })).framing).toBe('none');
        expect((await client.response()).status).toBe(204);
        expect((await client.response()).text()).toBe('hello\n');
        expect((await client.closed()).length).toBe(0);
      }),
  },
];
