// Traps 1 to 13: what frameworks ask of a request's socket.
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ClientSocket } from '../../src/node/index.js';
import { connect as connectClient, deferred } from '../harness.js';
import { kinds, load, serveNode } from './kinds.js';

const onFinished = load<((message: unknown, listener: () => void) => void) & { isFinished(message: unknown): boolean }>(
  'on-finished',
);
const socketOf = (request: IncomingMessage): ClientSocket => request.socket as unknown as ClientSocket;
const TLS = [['URL_SCHEME', 'https']] as const;

describe.each(kinds)('the socket, for $kind', ({ make }) => {
  it('compat 1: is a Duplex that listeners can be put on and taken off', async () => {
    const { ask } = await serveNode(
      make(({ socket }, response) => {
        const listener = () => {};
        const before = socket.listenerCount('error');
        socket.on('error', listener).once('close', listener);
        socket.removeListener('error', listener).removeListener('close', listener);
        response.end(String(socket instanceof Duplex && socket.listenerCount('error') === before));
      }),
    );
    expect((await ask()).text).toBe('true');
  });

  it('compat 2 and 3: is readable and writable until the response is done', async () => {
    const { ask } = await serveNode(
      make((request, response) => {
        const { socket } = request;
        setImmediate(() =>
          response.end(
            `${socket.readable} ${socket.writable} ${onFinished.isFinished(request)} ${onFinished.isFinished(response)}`,
          ),
        );
      }),
    );
    expect((await ask({ body: 'unread' })).text).toBe('true true false false');
  });

  it('compat 4: destroy() closes the client, after what was sent', async () => {
    const { mongrel2 } = await serveNode(
      make((request, response) => {
        response.setHeader('Content-Length', 10);
        response.write('half', () => request.socket.destroy());
      }),
    );
    const client = connectClient(mongrel2);
    await expect(client.response()).rejects.toThrow();
    expect(await client.closed).toBe('handler');
    expect(Buffer.from(client.received).toString()).toMatch(/half$/);
  });

  it('compat 5: has the methods of net.Socket', async () => {
    const { ask } = await serveNode(
      make(({ socket }, response) => {
        socket.setNoDelay(true).setKeepAlive(true, 1000).setTimeout(0).ref().unref();
        socket.cork();
        socket.uncork();
        const { address, port, family } = socket.address() as { address: string; port: number; family: string };
        response.end(`${address} ${port} ${family} ${typeof socket.destroySoon} ${socket.connecting} ${socket.readyState}`);
      }),
    );
    expect((await ask()).text).toBe('127.0.0.1 80 IPv4 function false open');
  });

  it('compat 5: destroySoon() closes the client after what was sent', async () => {
    const { mongrel2 } = await serveNode(
      make((_, response) => {
        const { socket } = response;
        response.end('whole');
        socket?.destroySoon();
      }),
    );
    const client = connectClient(mongrel2);
    expect((await client.response()).text).toBe('whole');
  });

  it('compat 6: knows both ends', async () => {
    const { askRaw } = await serveNode(
      make(({ socket }, response) => {
        const { remoteAddress, remoteFamily, remotePort = 0, localAddress, localPort, localFamily } = socket;
        const ephemeral = remotePort >= 49_152 && remotePort < 65_536;
        response.end([remoteAddress, remoteFamily, ephemeral, localAddress, localPort, localFamily].join(' '));
      }),
      { node: { local: { address: '::1', port: 8443 } } },
    );
    const reply = await askRaw({ uri: '/', meta: [['REMOTE_ADDR', '10.1.2.3']], headers: [['host', 'h']] });
    expect(reply).toMatch(/\r\n\r\n10\.1\.2\.3 IPv4 true ::1 8443 IPv6$/);
    expect(await askRaw({ uri: '/', meta: [['REMOTE_ADDR', 'fe80::1']], headers: [['host', 'h']] })).toContain('fe80::1 IPv6');
  });

  it('compat 7: says whether the client uses TLS', async () => {
    const { ask, askRaw } = await serveNode(make((request, response) => response.end(String(socketOf(request).encrypted))));
    expect((await ask()).text).toBe('false');
    expect(await askRaw({ uri: '/', meta: TLS, headers: [['host', 'h']] })).toMatch(/true$/);
  });
});

describe.each(kinds)("the socket's life, for $kind", ({ make }) => {
  it('compat 8: is one per request, and always closes', async () => {
    const closes: number[] = [];
    const sockets = new Set<unknown>();
    const { mongrel2 } = await serveNode(
      make(({ socket }, response) => {
        sockets.add(socket);
        const index = sockets.size;
        socket.once('close', () => closes.push(index));
        response.end(`${socket.listenerCount('close')}`);
      }),
    );
    const client = mongrel2.connect();
    const listeners: string[] = [];
    for (let count = 0; count < 3; count++) listeners.push((await client.request().response()).text);
    await expect.poll(() => closes).toEqual([1, 2, 3]);
    expect([sockets.size, new Set(listeners).size]).toEqual([3, 1]);
  });

  it('compat 9: is not destroyed before a late answer', async () => {
    const { ask } = await serveNode(
      make(async ({ socket }, response) => {
        await new Promise((resolve) => setImmediate(resolve));
        response.end(String(socket.destroyed));
      }),
    );
    expect((await ask()).text).toBe('false');
  });

  it('compat 11: names a server that has an address', async () => {
    const { ask } = await serveNode(
      make((request, response) => {
        const { server } = socketOf(request);
        response.end(`${typeof server.on} ${typeof server.keepAliveTimeout} ${'address' in server}`);
      }),
    );
    expect((await ask()).text).toBe('function number true');
  });

  it('compat 12: counts bytes', async () => {
    const { ask } = await serveNode(
      make((request, response) => {
        response.write('12345', () => response.end(`${request.socket.bytesWritten > 50} ${request.socket.bytesRead > 50}`));
      }),
    );
    expect((await ask()).text).toBe('12345true true');
  });

  it('compat 13: has a timeout that fires when nothing comes or goes', async () => {
    const heard = deferred<string>();
    const { ask } = await serveNode(
      make((_, response) => {
        response.setTimeout(20, () => {
          heard.resolve('response');
          response.end('late');
        });
      }),
    );
    expect((await ask()).text).toBe('late');
    expect(await heard.promise).toBe('response');
  });

  it('compat 13: a timeout that nobody hears of closes the client', async () => {
    const { mongrel2 } = await serveNode(make(({ socket }) => void socket.setTimeout(20)));
    expect(await connectClient(mongrel2).closed).toBe('handler');
  });
});

describe('the socket of a TLS client', () => {
  const asked = async (headers: readonly (readonly [string, string])[] = []) => {
    const { askRaw } = await serveNode(({ socket }, response) => {
      const tls = socket as unknown as { getPeerCertificate?(): object; authorized?: boolean; alpnProtocol?: false };
      response.end(JSON.stringify([tls.getPeerCertificate?.(), tls.authorized, tls.alpnProtocol]));
    });
    return async (meta: readonly (readonly [string, string])[]) =>
      (await askRaw({ uri: '/', meta, headers: [['host', 'h'], ...headers] })).split('\r\n\r\n')[1];
  };

  it('compat 10: has what a TLSSocket has, and other sockets have not', async () => {
    const ask = await asked();
    expect(await ask(TLS)).toBe('[{},false,false]');
    expect(await ask([])).toBe('[null,null,null]');
  });

  it('compat 10: tells the fingerprint of the certificate that Mongrel2 saw, never what a client wrote', async () => {
    const ask = await asked([['peer_cert_sha1', 'FF'.repeat(20)]]);
    expect(await ask([...TLS, ['PEER_CERT_SHA1', `${'AB'.repeat(20)}00`]])).toBe(
      `[{"fingerprint":"${Array(20).fill('AB').join(':')}"},false,false]`,
    );
    expect(await ask(TLS)).toBe('[{},false,false]');
  });

  it('compat 57: is what a trusted proxy says', async () => {
    const { ask } = await serveNode(
      (request, response) => response.end(`${request.socket.remoteAddress} ${socketOf(request).encrypted}`),
      { node: { trustProxy: ['127.0.0.1'] } },
    );
    // Mongrel2 puts its peer into the header; with no_clobber_xff it leaves what a proxy wrote.
    expect((await ask({ headers: [['x-forwarded-proto', 'https']] })).text).toBe('127.0.0.1 true');
  });
});
