// Traps 59 to 68: clients that go away, servers that stop, handshakes.
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { connect as connectClient, deferred } from '../harness.js';
import { kinds, serveNode } from './kinds.js';

describe.each(kinds)('a client that goes, for $kind', ({ make }) => {
  it('compat 59: closes the response, which is not ended', async () => {
    const closed = deferred<unknown>();
    const started = deferred();
    const { mongrel2 } = await serveNode(
      make((request, response) => {
        response.once('close', () => closed.resolve([request.aborted, response.writableEnded, response.destroyed]));
        started.resolve();
      }),
    );
    const client = connectClient(mongrel2);
    await started.promise;
    client.disconnect();
    expect(await closed.promise).toEqual([true, false, true]);
  });

  it('compat 60: is not said of one that got its answer', async () => {
    const events: string[] = [];
    const closed = deferred();
    const { mongrel2 } = await serveNode(
      make((request, response) => {
        request.once('aborted', () => events.push('aborted'));
        request.on('error', () => events.push('error'));
        response.once('close', () => closed.resolve());
        response.end('x');
      }),
    );
    const client = connectClient(mongrel2);
    await client.response();
    await closed.promise;
    client.disconnect();
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(events).toEqual([]);
  });

  it('compat 40 and 62: write() says no, and nothing throws', async () => {
    const outcome = deferred<unknown>();
    const events: string[] = [];
    const started = deferred();
    const { mongrel2 } = await serveNode(
      make((_, response) => {
        response.write('begun');
        response.on('finish', () => events.push('finish')).on('error', () => events.push('error'));
        response.once('close', () => {
          const more = response.write('more');
          response.end('end');
          setImmediate(() => outcome.resolve([more, ...events]));
        });
        started.resolve();
      }),
    );
    const client = connectClient(mongrel2);
    await started.promise;
    client.disconnect();
    expect(await outcome.promise).toEqual([false]);
  });

  it('compat 63: may be gone before the app has the request', async () => {
    const { mongrel2, server } = await serveNode(make(async (_, response) => response.end('late')));
    connectClient(mongrel2).disconnect();
    await expect.poll(() => server.stats().inFlight).toBe(0);
  });

  it('a stream of events ends well when the server stops', async () => {
    const closed = deferred();
    const { mongrel2, server } = await serveNode(
      make((_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: 1\n\n');
        response.once('close', () => closed.resolve());
      }),
    );
    const client = connectClient(mongrel2);
    await expect.poll(() => Buffer.from(client.received).toString()).toContain('data: 1');
    const stopped = server.stop({ graceMs: 400 });
    expect((await client.response()).text).toBe('data: 1\n\n');
    await closed.promise;
    expect(await stopped).toEqual({ unfinished: 0 });
  });
});

describe('requests side by side', () => {
  it('do not see what the others entered into their AsyncLocalStorage', async () => {
    const storage = new AsyncLocalStorage<string>();
    const { mongrel2 } = await serveNode(async (request, response) => {
      const before = storage.getStore();
      storage.enterWith(request.url ?? '');
      await turn();
      response.end(`${before} ${storage.getStore()}`);
    });
    const clients = ['/a', '/b', '/c'].map((path) => connectClient(mongrel2, { path }));
    expect(await Promise.all(clients.map(async (client) => (await client.response()).text))).toEqual([
      'undefined /a',
      'undefined /b',
      'undefined /c',
    ]);
  });

  it('are answered in order on one connection', async () => {
    const { mongrel2 } = await serveNode(async (request, response) => {
      if (request.url === '/slow') await turn();
      response.end(request.url);
    });
    const client = connectClient(mongrel2, { path: '/slow' }).request({ path: '/quick' });
    expect([(await client.response()).text, (await client.response()).text]).toEqual(['/slow', '/quick']);
  });
});

describe('what (req, res) apps do not take', () => {
  it('compat 65: handshakes get 426 where nobody listens', async () => {
    const { mongrel2 } = await serveNode((_, response) => response.end());
    const client = mongrel2.connect().upgrade();
    expect((await client.response()).status).toBe(426);
    expect(await client.closed).toBe('handler');
  });

  it('compat 65: an Upgrade header on an ordinary request is ignored', async () => {
    const { ask } = await serveNode((request, response) => response.end(request.headers.upgrade));
    expect(
      (
        await ask({
          headers: [
            ['upgrade', 'h2c'],
            ['connection', 'upgrade'],
          ],
        })
      ).text,
    ).toBe('h2c');
  });

  it('JSON sockets are closed, and said once', async () => {
    const { mongrel2, told } = await serveNode((_, response) => response.end());
    for (let count = 0; count < 2; count++) expect(await mongrel2.connect().socketMessage('@chat', '{}').closed).toBe('handler');
    expect(told.map(({ message }) => message)).toEqual([expect.stringContaining('A message came from a JSON socket')]);
  });
});
