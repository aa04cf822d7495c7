import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { ListenOptions } from 'node:net';

/** A server that was told to listen, and does not. */
export interface CapturedServer {
  readonly server: HttpServer | HttpsServer;
  /** Where it would listen, for people: `port 3000`, or a path. */
  readonly place: string;
}

/** Those who capture now. More than one while two apps are imported at once: nobody can tell whose a server is. */
const captures = new Set<CapturedServer[]>();

/**
 * Runs `work`, during which servers of HTTP that are told to listen open no port but are collected; to the app it is as if
 * they listened. What was told to listen later listens.
 */
export async function captureListen<T>(work: () => Promise<T>): Promise<{ result: T; servers: readonly CapturedServer[] }> {
  const servers: CapturedServer[] = [];
  captures.add(servers);
  if (captures.size === 1)
    for (const { prototype } of [HttpServer, HttpsServer]) prototype.listen = listen as typeof prototype.listen;
  try {
    return { result: await work(), servers };
  } finally {
    captures.delete(servers);
    // Both have it from net.Server.
    if (captures.size === 0) for (const { prototype } of [HttpServer, HttpsServer]) Reflect.deleteProperty(prototype, 'listen');
  }
}

function listen(this: HttpServer, ...args: unknown[]): HttpServer {
  const { port, path, host } = addressOf(args);
  const callback = args.at(-1);
  if (typeof callback === 'function') this.once('listening', callback as () => void);
  for (const servers of captures) servers.push({ server: this, place: path ?? `port ${port}` });
  const address = path ?? { address: host, port, family: host.includes(':') ? 'IPv6' : 'IPv4' };
  // Own properties, which close() takes away again.
  Object.defineProperties(this, {
    listening: { value: true, configurable: true },
    address: { value: () => address, configurable: true },
    close: { value: close, configurable: true },
  });
  // Not at once: apps use what listen() returns in its callback.
  setImmediate(() => this.emit('listening'));
  return this;
}

function close(this: HttpServer, callback?: () => void): HttpServer {
  for (const name of ['listening', 'address', 'close']) Reflect.deleteProperty(this, name);
  if (typeof callback === 'function') this.once('close', callback);
  setImmediate(() => this.emit('close'));
  return this;
}

/** The forms of `net.Server.listen`: port, path, options, each with more behind it. */
function addressOf([first, second]: readonly unknown[]): { port: number; path: string | undefined; host: string } {
  const options: ListenOptions = typeof first === 'object' && first !== null ? first : {};
  const isPort = typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first));
  const path = typeof first === 'string' && !isPort ? first : options.path;
  const port = Number(isPort ? first : (options.port ?? 0));
  const host = options.host ?? (isPort && typeof second === 'string' ? second : '::');
  return { port, path, host };
}
