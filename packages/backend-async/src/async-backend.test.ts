import {
  type Backend,
  Connection,
  encodeRequest,
  type Handler,
  M2Error,
  memoryTransport,
  type PeerLink,
  type PeerTransport,
  serve,
  type Transport,
} from '@m2/core';
import { zeromqTransport } from '@m2/transport-zeromq';
import { zmtpTransport } from '@m2/transport-zmtp';
import { afterEach, describe, expect, it } from 'vitest';
import { asyncBackend } from './index.js';

const module = new URL('../test/fixtures/handlers.mjs', import.meta.url);
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A Mongrel2 that asks once and waits for whole answers. */
class Asker {
  private readonly replies: string[] = [];
  private waiting: ((reply: string) => void)[] = [];
  peer: PeerLink | undefined;

  static async bind(transport: PeerTransport, sendSpec: string, recvSpec: string): Promise<Asker> {
    const asker = new Asker();
    asker.peer = await transport.bind(
      { sendSpec, recvSpec, recvIdent: 'm2-test ' },
      { replies: (batch) => batch.forEach(asker.take, asker) },
    );
    closers.push(() => asker.peer?.close());
    return asker;
  }

  get addresses(): { sendSpec: string; recvSpec: string } {
    return { sendSpec: this.peer?.sendSpec ?? '', recvSpec: this.peer?.recvSpec ?? '' };
  }

  /** Sends a GET and resolves to the next reply message. */
  ask(id: number): Promise<string> {
    const meta = [
      ['METHOD', 'GET'],
      ['VERSION', 'HTTP/1.1'],
      ['URI', '/'],
      ['PATTERN', '/'],
      ['URL_SCHEME', 'http'],
      ['REMOTE_ADDR', '127.0.0.1'],
    ] as const;
    const headers = [['host', 'localhost']] as const;
    this.peer?.send(encodeRequest({ server: 'm2-test', id, path: '/', meta, headers, body: new Uint8Array() }, 'json'));
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.match();
    });
  }

  private take(reply: Uint8Array): void {
    this.replies.push(Buffer.from(reply).toString('latin1'));
    this.match();
  }

  private match(): void {
    while (this.waiting.length > 0 && this.replies.length > 0) this.waiting.shift()?.(this.replies.shift() ?? '');
  }
}

async function start(
  backend: Backend,
  ...[source, to]: [Parameters<typeof serve>[0], ConstructorParameters<typeof Connection>[0]]
) {
  const server = await serve(source, to, { backend });
  closers.push(() => server.stop({ graceMs: 0 }));
  return server;
}

const hello: Handler = {
  handle(message, client) {
    if (message.kind === 'http') client.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
  },
};

describe('asyncBackend', () => {
  it.each([zmtpTransport(), zeromqTransport()])(
    'serves a handler over its default transport, to a server over $name',
    async (transport) => {
      const asker = await Asker.bind(transport, 'tcp://127.0.0.1:0', 'tcp://127.0.0.1:0');
      const server = await start(asyncBackend(), hello, asker.addresses);
      await server.ready;
      expect(await asker.ask(7)).toBe('m2-test 1:7, HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
      expect(await server.stop()).toEqual({ unfinished: 0 });
      await server.closed;
      expect(server.stats().counters).toMatchObject({ received: 1, replied: 1 });
    },
  );

  it('serves over the transport that it is given, and a handler module that it imports', async () => {
    const transport: Transport & PeerTransport = memoryTransport();
    const asker = await Asker.bind(transport, 'memory://send', 'memory://recv');
    const server = await start(asyncBackend({ transport }), { module, options: { text: 'from a module' } }, asker.addresses);
    expect(await asker.ask(1)).toMatch(/from a module$/);
    expect(server.reload).toBeUndefined();
    await server.stop();
    const { events } = (await import(module.href)) as { events: string[] };
    expect(events).toEqual(['closed from a module']);
  });

  it('serves several connections at once, each with its own handler', async () => {
    const transport = memoryTransport();
    const backend = asyncBackend({ transport });
    const askers = await Promise.all(
      ['a', 'b'].map((name) => Asker.bind(transport, `memory://${name}-send`, `memory://${name}-recv`)),
    );
    const servers = await Promise.all(
      askers.map((asker, at) => start(backend, { module, export: 'later', options: { text: `handler ${at}` } }, asker.addresses)),
    );
    expect(await Promise.all(askers.map((asker) => asker.ask(3)))).toEqual(
      ['handler 0', 'handler 1'].map((text) => `m2-test 1:3, later ${text}`),
    );
    await servers[0]?.stop();
    expect(await askers[1]?.ask(4)).toBe('m2-test 1:4, later handler 1');
  });

  it('refuses addresses that its transport does not take, and closes the handler that it made for them', async () => {
    const backend = asyncBackend();
    const connection = new Connection({ sendSpec: 'memory://a', recvSpec: 'memory://b' });
    const { events } = (await import(module.href)) as { events: string[] };
    const failure: unknown = await backend
      .serve({ module, options: { text: 'in vain' } }, connection, {})
      .catch((error: unknown) => error);
    expect(M2Error.is(failure) && failure.code).toBe('M2_SPEC_INVALID');
    expect(events).toContain('closed in vain');
    const plain = new Connection({ sendSpec: 'memory://a', recvSpec: 'memory://b' });
    await expect(backend.serve({ handler: hello }, plain, {})).rejects.toMatchObject({ code: 'M2_SPEC_INVALID' });
  });

  it('refuses a module without a handler before it opens anything', async () => {
    const connection = new Connection('tcp://127.0.0.1:9999');
    await expect(asyncBackend().serve({ module, export: 'nothing' }, connection, {})).rejects.toMatchObject({
      code: 'M2_HANDLER_INVALID',
    });
    expect(connection.isReady).toBe(false);
  });

  it('names what it is', () => {
    const backend = asyncBackend();
    expect(backend.name).toBe('async');
    expect(backend.capabilities).toEqual({ inProcess: true, modules: true, reload: false });
  });
});
