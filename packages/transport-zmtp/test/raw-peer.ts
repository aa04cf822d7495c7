import { connect, createServer, type Server, type Socket } from 'node:net';
import { encodeReady, type SocketType } from '../src/commands.js';
import { encodeCommand, frameHead } from '../src/frame-encoder.js';
import { encodeGreeting } from '../src/greeting.js';
import { Signal } from './support.js';

/** One message of one frame, as bytes. */
export const message = (text: string, more = false): Buffer => Buffer.from(frameHead(text.length, more) + text, 'latin1');

/** One command, as bytes. */
export const command = (name: string, data = ''): Buffer => encodeCommand(name, Buffer.from(data, 'latin1'));

/** Greeting and READY of a socket of that type. */
export const handshake = (type: string, identity = ''): Buffer =>
  Buffer.concat([encodeGreeting(), encodeReady(type as SocketType, Buffer.from(identity, 'latin1'))]);

/** The greeting with some of its bytes changed. */
export function greetingWith(changes: Readonly<Record<number, number | string>>): Buffer {
  const greeting = encodeGreeting();
  for (const [at, value] of Object.entries(changes)) {
    if (typeof value === 'string') greeting.write(value, Number(at), 'latin1');
    else greeting[Number(at)] = value;
  }
  return greeting;
}

/** The other end of a connection, of which a test says every byte. */
export class RawPeer extends Signal {
  /** How many bytes have come. */
  length = 0;
  ended = false;
  closed = false;
  private readonly chunks: Buffer[] = [];

  constructor(readonly socket: Socket) {
    super();
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      this.chunks.push(bytes);
      this.length += bytes.length;
      this.changed();
    });
    socket.on('end', () => {
      this.ended = true;
      this.changed();
    });
    socket.on('close', () => {
      this.closed = true;
      this.changed();
    });
  }

  /** Connects to a tcp address. */
  static async connect(address: string): Promise<RawPeer> {
    const { hostname, port } = new URL(address);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const peer = new RawPeer(socket);
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return peer;
  }

  /** What has come. */
  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  write(...bytes: Uint8Array[]): void {
    this.socket.write(Buffer.concat(bytes));
  }

  /** What has come after greeting and READY of a socket that gives no identity. */
  after(type: SocketType): string {
    return this.received.toString('latin1', handshake(type).length);
  }

  isClosed(): Promise<void> {
    return this.until('the connection is closed', () => this.closed || this.ended);
  }
}

/** Listens on 127.0.0.1 and keeps who comes. */
export class RawListener extends Signal {
  readonly peers: RawPeer[] = [];
  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {
    super();
  }

  static async listen(): Promise<RawListener> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const listener = new RawListener(server, `tcp://127.0.0.1:${(server.address() as { port: number }).port}`);
    server.on('connection', (socket) => {
      listener.peers.push(new RawPeer(socket));
      listener.changed();
    });
    return listener;
  }

  /** The peer that comes as the `count`th. */
  async peer(count = 1): Promise<RawPeer> {
    await this.until(`${count} peers have come`, () => this.peers.length >= count);
    return this.peers[count - 1] as RawPeer;
  }

  async close(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
