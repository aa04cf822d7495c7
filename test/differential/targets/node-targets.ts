import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { AppKind, KindId } from '../apps/kind.js';
import { Visits } from '../visit.js';
import type { Target } from './target.js';

interface Running {
  readonly port: number;
  readonly visits: Visits;
  close(): Promise<void>;
}

/** Apps on `node:http`, listening. */
export const nodeTarget = (kinds: readonly AppKind[]): Promise<Target> => runAll('node', kinds, listening);

/** Apps on servers of `node:http` that never listen, and are given each connection as a stream of bytes. */
export const bytesTarget = (kinds: readonly AppKind[]): Promise<Target> => runAll('bytes', kinds, fedWithBytes);

async function runAll(id: 'node' | 'bytes', kinds: readonly AppKind[], run: (server: HttpServer) => Server): Promise<Target> {
  const running = new Map<KindId, Running>();
  for (const kind of kinds) {
    const visits = new Visits();
    const app = await kind.server(visits);
    // An answer that no case waits for any more must not keep a connection from being probed.
    app.keepAliveTimeout = 60_000;
    const server = run(app);
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      });
    running.set(kind.id, { port: (server.address() as AddressInfo).port, visits, close });
  }
  const of = (kind: KindId): Running => {
    const found = running.get(kind);
    if (found === undefined) throw new Error(`There is no ${kind} on ${id}.`);
    return found;
  };
  return {
    id,
    holdsSmallBodies: false,
    port: (kind) => of(kind).port,
    visits: (kind) => of(kind).visits,
    close: async () => {
      await Promise.all([...running.values()].map((one) => one.close()));
    },
  };
}

const listening = (app: HttpServer): Server => app;

/** What listens is not the app's server: it only moves bytes. */
const fedWithBytes = (app: HttpServer): Server =>
  createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void app.emit('connection', new ByteStream(socket)));

/** One client's connection as nothing but bytes: what a server needs of a socket, and no more. */
class ByteStream extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;

  constructor(private readonly socket: Socket) {
    super({ allowHalfOpen: true });
    this.remoteAddress = socket.remoteAddress;
    this.remotePort = socket.remotePort;
    socket.on('data', (bytes) => {
      if (!this.push(bytes)) socket.pause();
    });
    socket.once('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(bytes: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(bytes, encoding, done);
  }

  override _final(done: () => void): void {
    this.socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}
