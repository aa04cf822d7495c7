import { lstat, mkdtemp, rm, unlink } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { M2Error } from '@m2/core';
import { type NetAddress, parseAddress } from './addresses.js';

/** An address that is listened at. */
export interface Listener {
  /** With the port or path that it really has. */
  readonly address: string;
  /** Stops listening. Resolves when the connections that it accepted are closed, too. */
  close(): Promise<void>;
}

/** What a listener tells its owner. */
export interface ListenEvents {
  accepted(socket: Socket): void;
  /** A connection could not be accepted (no file descriptor left, as a rule); the listener goes on. */
  trouble(cause: M2Error): void;
}

/**
 * Listens at `tcp://` and `ipc://` addresses. A socket file that nobody listens at any more is replaced, as libzmq does.
 * @throws M2Error `M2_SPEC_INVALID` or `M2_SOCKET_FAILED`
 */
export async function listen(address: string, events: ListenEvents): Promise<Listener> {
  let net = parseAddress(address, true);
  let folder: string | undefined;
  if ('path' in net && net.path === '*') {
    folder = await mkdtemp(join(tmpdir(), 'm2-zmtp-'));
    net = { path: join(folder, 'socket') };
  }
  const server = createServer({ allowHalfOpen: true }, (socket) => events.accepted(socket));
  try {
    await start(server, net).catch(async (error: unknown) => {
      if (!(await isLeftOver(net, error))) throw error;
      await unlink((net as { path: string }).path);
      await start(server, net);
    });
  } catch (error) {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    const { message, code } = error as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? `another socket has the address (${message})` : message;
    throw new M2Error('M2_SOCKET_FAILED', `Binding '${address}' failed: ${why}.`, { cause: error, details: { address, code } });
  }
  server.on('error', (cause) =>
    events.trouble(new M2Error('M2_SOCKET_FAILED', `Accepting a connection at ${address} failed: ${cause.message}.`, { cause })),
  );
  return {
    address: boundAddress(server, address),
    async close() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function start(server: Server, net: NetAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(net, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Whether the address is taken only by the file of a socket that nobody listens at. */
async function isLeftOver(net: NetAddress, error: unknown): Promise<boolean> {
  if (!('path' in net) || net.path.startsWith('\0') || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return false;
  const { path } = net;
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isSocket() !== true) return false;
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
}

function boundAddress(server: Server, asked: string): string {
  const bound = server.address();
  if (bound === null) return asked;
  if (typeof bound === 'string') return `ipc://${bound.startsWith('\0') ? `@${bound.slice(1)}` : bound}`;
  return `tcp://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}
