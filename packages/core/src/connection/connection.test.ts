import { describe, expect, it, onTestFinished } from 'vitest';
import { latin1Slice } from '#platform';
import { collecting, echoPath, expectSum, settled, start } from '../../test/harness.js';
import { M2Error } from '../errors.js';
import { memoryTransport } from '../memory-transport.js';
import { runConnection } from '../serve/loop.js';
import { type ScriptedClient, ScriptedMongrel2 } from '../testing/index.js';
import type { Link, Transport } from '../transport.js';
import { Connection } from './connection.js';

const text = (client: ScriptedClient) => latin1Slice(client.received, 0, client.received.length);

describe('Connection: several servers', () => {
  async function two() {
    const medium = memoryTransport();
    const handler = collecting();
    const specs = ['a', 'b'].map((name) => ({ sendSpec: `memory://${name}-send`, recvSpec: `memory://${name}-recv` }));
    const servers = await Promise.all(
      specs.map((spec, at) => ScriptedMongrel2.start({ peer: medium, ...spec, uuid: `server-${at}`, recvIdent: '' })),
    );
    const connection = new Connection({ servers: specs });
    const server = await runConnection(connection, handler, medium);
    onTestFinished(async () => {
      await server.stop({ graceMs: 0 });
      expectSum(server);
      await Promise.all(servers.map((one) => one.kill()));
    });
    await server.ready;
    return { connection, handler, server, servers: servers as [ScriptedMongrel2, ScriptedMongrel2] };
  }

  it('sends each reply to the server that its request came from, though their ids are equal', async () => {
    const { handler, servers } = await two();
    const clients = servers.flatMap((one) => [one.connect(), one.connect()]);
    for (const [at, client] of clients.entries()) client.request({ path: `/${at}` });
    await settled();
    for (const exchange of handler.exchanges.toReversed()) exchange.respond(200, [], exchange.request.path);
    for (const [at, client] of clients.entries()) expect((await client.response()).text).toBe(`/${at}`);
    expect(clients.map(({ id }) => id)).toEqual([1, 2, 1, 2]);
    expect(servers.map(({ counters }) => [counters.late, counters.foreign])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('delivers to clients of both, and loses only those of the one that restarts', async () => {
    const { connection, handler, servers, server } = await two();
    const clients = servers.map((one) => one.connect().socketMessage('@chat', '{}'));
    await settled();
    expect(connection.deliver(handler.clients, 'hello')).toBe(2);
    await settled();
    expect(clients.map(text)).toEqual([btoa('hello'), btoa('hello')]);
    await servers[0].restart();
    await settled();
    const stranger = servers[0].connect();
    expect(connection.deliver(handler.clients, 'again')).toBe(1);
    await settled();
    expect(text(stranger)).toBe('');
    expect(server.stats().links.map(({ up, epoch }) => [up, epoch])).toEqual([
      [true, 2],
      [true, 1],
    ]);
  });
});

describe('Connection.deliver', () => {
  it('reaches 1,000 clients with messages for at most 128 each', async () => {
    const handler = collecting();
    const { mongrel2, connection, replies } = await start(handler);
    const clients = Array.from({ length: 1000 }, () => mongrel2.connect().socketMessage('@chat', '{}'));
    await settled();
    expect(connection.deliver(handler.clients, 'news')).toBe(1000);
    await settled();
    expect(clients.every((client) => text(client) === btoa('news'))).toBe(true);
    const sizes = replies.map((reply) => ('ids' in reply ? reply.ids.length : 0));
    expect(sizes).toEqual([128, 128, 128, 128, 128, 128, 128, 104]);
  });

  it('keeps the order when a client has something waiting, and leaves out who has left', async () => {
    const handler = collecting();
    const { mongrel2, connection } = await start(handler, { mongrel2: { rawPayload: true } });
    const [fast, busy, gone] = Array.from({ length: 3 }, () => mongrel2.connect().socketMessage('@chat', '{}'));
    await settled();
    for (let n = 0; n < 30; n++) handler.clients[1]?.send(`${n} `);
    gone?.disconnect();
    await settled();
    expect(connection.deliver(handler.clients.slice(0, 3), 'all')).toBe(2);
    expect(fast && busy && gone).toBeDefined();
    await expect.poll(() => text(busy as ScriptedClient)).toBe(`${Array.from({ length: 30 }, (_, n) => `${n} `).join('')}all`);
    expect(text(fast as ScriptedClient)).toBe('all');
  });

  it('ends a plain long poll', async () => {
    const handler = collecting();
    const plain = {
      handle: (message: Parameters<typeof handler.handle>[0], client: (typeof handler.clients)[0]) =>
        void (message.kind === 'http' && handler.clients.push(client)),
    };
    const { mongrel2, connection, server, clients } = await start(plain);
    const polls = [mongrel2.connect().request(), mongrel2.connect().request()];
    await settled();
    expect(server.stats()).toMatchObject({ inFlight: 2 });
    connection.deliver(handler.clients, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
    for (const poll of polls) expect((await poll.response()).text).toBe('hi');
    expect(server.stats()).toMatchObject({ inFlight: 0, counters: { replied: 2 } });
    await expect.poll(() => clients()).toEqual([]);
  });

  it('refuses what would close or harm, before anybody got it', async () => {
    const handler = collecting();
    const { mongrel2, connection, replies } = await start(handler);
    for (let n = 0; n < 2; n++) mongrel2.connect().socketMessage('@chat', '{}');
    await settled();
    for (const data of ['', '→']) {
      expect(() => connection.deliver(handler.clients, data)).toThrow(expect.objectContaining({ code: 'M2_BAD_REPLY' }));
    }
    expect(replies).toEqual([]);
  });
});

describe('Connection: opening and closing', () => {
  it('is ready once every server has subscribed, and not before', async () => {
    const medium = memoryTransport();
    const connection = new Connection({ sendSpec: 'memory://send', recvSpec: 'memory://recv' });
    const server = await runConnection(connection, echoPath, medium);
    let ready = false;
    const waiting = server.ready.then(() => {
      ready = true;
    });
    await settled();
    expect([ready, connection.isReady, server.stats().links[0]?.up]).toEqual([false, false, false]);
    const mongrel2 = await ScriptedMongrel2.start({ peer: medium });
    await waiting;
    expect(connection.isReady).toBe(true);
    await mongrel2.kill();
    await settled();
    expect(connection.isReady).toBe(false);
    await server.stop();
  });

  it('rejects ready when it is stopped before', async () => {
    const connection = new Connection({ sendSpec: 'memory://send', recvSpec: 'memory://recv' });
    const server = await runConnection(connection, echoPath, memoryTransport());
    await server.stop();
    await expect(server.ready).rejects.toMatchObject({ code: 'M2_CLOSED' });
    await server.closed;
    expect((await server.stop()).unfinished).toBe(0);
  });

  it('closes every link that was opened when one cannot be, however late that was', async () => {
    const medium = memoryTransport();
    const closed: string[] = [];
    let openLate: () => void = () => {};
    const late = new Promise<void>((resolve) => {
      openLate = resolve;
    });
    const transport: Transport = {
      ...medium,
      async open(spec, receiver, signal): Promise<Link> {
        const name = spec.sendSpec.toString();
        if (name === 'memory://bad') throw new M2Error('M2_SOCKET_FAILED', 'This one cannot be opened.');
        if (name === 'memory://late') await late;
        const link = await medium.open(spec, receiver, signal);
        const { close } = link;
        link.close = () => {
          closed.push(name);
          return close.call(link);
        };
        return link;
      },
    };
    const servers = ['good', 'bad', 'late'].map((name) => ({ sendSpec: `memory://${name}`, recvSpec: `memory://${name}-r` }));
    const opening = runConnection(new Connection({ servers }), echoPath, transport);
    await settled();
    openLate();
    await expect(opening).rejects.toMatchObject({ code: 'M2_SOCKET_FAILED' });
    expect(closed.toSorted()).toEqual(['memory://good', 'memory://late']);
  });

  it('serves once: a second open is refused', async () => {
    const { connection } = await start(echoPath);
    await expect(runConnection(connection, echoPath, memoryTransport())).rejects.toMatchObject({ code: 'M2_CLOSED' });
  });

  it('counts what is open when it is closed at once as gone, not as answered', async () => {
    const handler = collecting();
    const { mongrel2, connection, server } = await start(handler);
    mongrel2.connect().request();
    await settled();
    await connection.close();
    await connection.close();
    expect(handler.exchanges[0]?.aborted?.code).toBe('M2_CLOSED');
    expect(server.stats().counters).toMatchObject({ clientGone: 1, replied: 0 });
  });
});
