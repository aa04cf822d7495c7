import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithMongrel2 } from '../harness/describe.js';
import { Spawned } from '../harness/spawned.js';

const m2 = fileURLToPath(new URL('../../packages/cli/bin/m2.js', import.meta.url));
const app = fileURLToPath(new URL('../fixtures/hono-app.mjs', import.meta.url));

/** What curl, a client that is not ours, gets: the body, and the status in a line of its own. */
async function curl(...args: string[]): Promise<string> {
  const run = new Spawned('curl', ['--silent', '--show-error', '--max-time', '15', '--write-out', '%{http_code}\n', ...args]);
  expect([await run.end(), run.output]).toEqual([0, run.output]);
  return run.output;
}

describeWithMongrel2('m2 serve, a Hono app, and curl', { flowControl: true }, (given) => {
  let server: Spawned;
  beforeAll(async () => {
    const { sendSpec, recvSpec } = given.mongrel2.connect;
    server = new Spawned(process.execPath, [m2, 'serve', app, sendSpec, recvSpec]);
    await server.prints('subscription seen');
  });
  afterAll(() => server?.stop());

  it('gets the page', async () => {
    expect(await curl(`${given.mongrel2.url}/`)).toBe('<h1>Hono behind Mongrel2</h1>\n200\n');
  });

  it('gets what the app makes of paths, queries, forms and streams', async () => {
    const { url } = given.mongrel2;
    expect(await curl(`${url}/hello/w%C3%B6rld?q=a+b`)).toBe('{"hello":"wörld","query":"a b"}200\n');
    expect(await curl('--data', 'a=1&b=%26', `${url}/form`)).toBe('{"a":"1","b":"&"}200\n');
    expect(await curl(`${url}/stream`)).toBe('one\ntwo\nthree\n200\n');
    expect(await curl('--head', `${url}/`)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n200\n$/);
    expect(await curl(`${url}/nothing`)).toBe('404 Not Found404\n');
    expect(await curl('--http1.0', `${url}/`)).toBe('<h1>Hono behind Mongrel2</h1>\n200\n');
  });

  it('finishes a slow request after Ctrl-C, and exits with 0', async () => {
    const slow = curl(`${given.mongrel2.url}/slow`);
    await server.prints('the slow request is open');
    server.signal('SIGINT');
    await server.prints('SIGINT: stopping');
    server.signal('SIGUSR2');
    expect(await slow).toBe('slow, but answered\n200\n');
    expect(await server.end()).toBe(0);
    expect(server.output).toContain('everything was answered');
  });
});
