import { createServer, type Server } from 'node:net';

/** Below the ports that the system gives to outgoing connections, so that none of those takes one while a server is down. */
const FIRST_PORT = 12_000;
const LAST_PORT = 31_000;
const BLOCK = 8;

/** Ports of 127.0.0.1 that belong to this process until they are released. */
export interface PortLease {
  readonly ports: readonly number[];
  release(): Promise<void>;
}

const listen = (port: number): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server.unref()));
  });

const close = (server: Server): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  await close(server);
  return true;
}

/**
 * Leases seven ports for servers that must be told their port and come back on it after a restart. The first port of each block is
 * held open for as long as the lease lasts: that keeps other test processes out, and ends with this process whatever happens.
 */
export async function leasePorts(): Promise<PortLease> {
  const blocks = Math.floor((LAST_PORT - FIRST_PORT) / BLOCK);
  const start = Math.floor(Math.random() * blocks);
  for (let n = 0; n < blocks; n++) {
    const base = FIRST_PORT + ((start + n) % blocks) * BLOCK;
    const guard = await listen(base);
    if (guard === undefined) continue;
    const ports = Array.from({ length: BLOCK - 1 }, (_, index) => base + 1 + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return { ports, release: () => close(guard) };
    await close(guard);
  }
  throw new Error(`No block of ${BLOCK} free ports between ${FIRST_PORT} and ${LAST_PORT}.`);
}
