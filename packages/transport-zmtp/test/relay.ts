import { connect, createServer, type Server, type Socket } from 'node:net';
import { Signal } from './support.js';

/** Passes bytes between who connects and a target, and can be cut like a bad network. */
export class Relay extends Signal {
  /** How often it was connected to. */
  connections = 0;
  /** What was passed to the target, as latin1. */
  sent = '';
  private readonly open = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {
    super();
  }

  static async listen(target: string): Promise<Relay> {
    const { hostname, port } = new URL(target);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const relay = new Relay(server, `tcp://127.0.0.1:${(server.address() as { port: number }).port}`);
    server.on('connection', (near) => relay.pass(near, connect(Number(port), hostname)));
    return relay;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.open) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private pass(near: Socket, far: Socket): void {
    this.connections++;
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.open.add(socket);
      socket.on('error', () => {});
      socket.pipe(other);
      socket.on('close', () => {
        this.open.delete(socket);
        other.destroy();
      });
    }
    near.on('data', (bytes: Buffer) => {
      this.sent += bytes.toString('latin1');
      this.changed();
    });
    this.changed();
  }
}
