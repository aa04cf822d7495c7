import { expect } from 'vitest';
import { request } from '../harness/raw-client.js';
import { ask, expectAlive, type GatewayCase, withClient } from './case.js';

/** All byte values, several times over: more than one piece of anything that splits by line or by 256. */
const allBytes = String.fromCharCode(...Array.from({ length: 1024 }, (_, index) => index % 256));

/** One request, one answer: methods, statuses, headers, small bodies. */
export const messageCases: readonly GatewayCase[] = [
  {
    name: 'GET',
    async run(given) {
      const response = await ask(given, 'GET', '/hello');
      expect([response.version, response.status, response.reason, response.text()]).toEqual(['HTTP/1.1', 200, 'OK', 'hello\n']);
      expect(response.header('content-type')).toBe('text/plain; charset=utf-8');
      expect(response.framing).toBe('length');
      expect(Number.isNaN(Date.parse(response.header('date') ?? ''))).toBe(false);
      expect(response.header('connection')).toBeUndefined();
    },
  },
  {
    name: 'HEAD has the head of GET and no body, and the connection goes on',
    run: (given) =>
      withClient(given, async (client) => {
        client.write(request('HEAD', '/hello'));
        const response = await client.response({ method: 'HEAD' });
        expect([response.status, response.header('content-type')]).toEqual([200, 'text/plain; charset=utf-8']);
        expect(['6', undefined]).toContain(response.header('content-length'));
        await expectAlive(client);
        client.write(request('HEAD', '/big/100000'));
        expect((await client.response({ method: 'HEAD' })).status).toBe(200);
        await expectAlive(client);
      }),
  },
  {
    name: 'POST, echoed',
    async run(given) {
      const response = await ask(given, 'POST', '/echo', ['Content-Type: text/plain'], 'a=1&b=2');
      expect([response.text(), response.header('content-type'), response.header('x-method')]).toEqual([
        'a=1&b=2',
        'text/plain',
        'POST',
      ]);
      const empty = await ask(given, 'POST', '/echo', ['Content-Length: 0']);
      expect([empty.status, empty.header('content-length')]).toEqual([200, '0']);
    },
  },
  {
    name: 'binary bodies both ways',
    async run(given) {
      expect((await ask(given, 'PUT', '/echo', [], allBytes)).body.toString('latin1')).toBe(allBytes);
      expect((await ask(given, 'GET', '/binary')).body.toString('latin1')).toBe(allBytes.slice(0, 256));
    },
  },
  {
    name: '204 and 304 have no body, and the connection goes on',
    run: (given) =>
      withClient(given, async (client) => {
        for (const status of [204, 304]) {
          client.get(`/status/${status}`);
          const response = await client.response();
          expect([response.status, response.framing, response.header('x-code')]).toEqual([status, 'none', `${status}`]);
          await expectAlive(client);
        }
      }),
  },
  {
    name: 'other statuses',
    run: (given) =>
      withClient(given, async (client) => {
        for (const status of [201, 301, 404, 418, 500, 503, 599]) {
          client.get(`/status/${status}`);
          const response = await client.response();
          expect([response.status, response.text()]).toEqual([status, `status ${status}\n`]);
        }
      }),
  },
  {
    name: 'several Set-Cookie stay several',
    async run(given) {
      const response = await ask(given, 'GET', '/cookies');
      expect(response.all('set-cookie')).toEqual(['a=1; Path=/', 'b=2; HttpOnly', 'c="x,y"']);
    },
  },
  {
    name: '103 Early Hints come before the answer, and not for HTTP/1.0',
    run: (given) =>
      withClient(given, async (client) => {
        client.get('/early-hints');
        const response = await client.response();
        expect([response.status, response.text()]).toEqual([200, 'hinted\n']);
        expect(response.interim.map(({ status, headers }) => [status, headers])).toEqual([
          [103, [['Link', '</style.css>; rel=preload']]],
        ]);
        client.write('GET /early-hints HTTP/1.0\r\nHost: localhost\r\n\r\n');
        expect((await client.response()).interim).toEqual([]);
      }),
  },
  {
    name: "the client's headers reach the app",
    async run(given) {
      const sent = ['X-Test: v1', 'X-Two: a', 'X-Two: b', 'X-Quote: "\\"', 'X-Latin: \xe9', 'X-Empty:', '__proto__: p'];
      const headers = new Map(JSON.parse((await ask(given, 'GET', '/headers', sent)).text()) as [string, string][]);
      expect(headers.get('x-test')).toBe('v1');
      expect(headers.get('x-two')).toBe('a, b');
      expect(headers.get('x-quote')).toBe('"\\"');
      expect(headers.get('x-latin')).toBe('\xe9');
      expect(headers.get('x-empty')).toBe('');
      expect(headers.get('__proto__')).toBe('p');
      expect(headers.get('host')).toBe('localhost');
    },
  },
  {
    name: 'the URL is made of the Host and the path as sent',
    async run(given) {
      expect((await ask(given, 'GET', '/url?q=%C3%A9&r')).text()).toBe('http://localhost/url?q=%C3%A9&r');
      expect((await ask(given, 'GET', '/url/%2F/a%20b', ['Host: example.org:8080'])).text()).toBe(
        'http://example.org:8080/url/%2F/a%20b',
      );
      expect((await ask(given, 'GET', '//evil.example/url')).text()).toBe('root\n');
      expect(given.app.events.entries.some(({ path }) => path === '//evil.example/url')).toBe(true);
    },
  },
  {
    name: 'HTTP/1.1 without a Host, or with one that is none, is refused with 400',
    async run(given) {
      await withClient(given, async (client) => {
        client.write('GET /hello HTTP/1.1\r\nX-A: a\r\n\r\n');
        expect((await client.response()).status).toBe(400);
      });
      expect((await ask(given, 'GET', '/hello', ['Host: a/b@c'])).status).toBe(400);
    },
  },
];
