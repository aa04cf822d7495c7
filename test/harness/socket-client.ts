import WebSocket, { type ClientOptions } from 'ws';
import { within } from './deadline.js';
import { EventLog } from './event-log.js';

/** What a client received, in order. */
export interface Received {
  readonly type: 'text' | 'binary' | 'ping' | 'pong' | 'close';
  readonly data: Buffer;
  /** Of a close. */
  readonly code?: number;
}

/** The `ws` library's client, with a log of what it receives. */
export class SocketClient {
  readonly received = new EventLog<Received>();
  readonly socket: WebSocket;
  /** The status and body of an answer other than 101. */
  readonly refused: Promise<{ readonly status: number; readonly text: string }>;

  constructor(port: number, path: string, protocols: string[] = [], options: ClientOptions = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { maxPayload: 64 * 1024 * 1024, ...options });
    const { socket, received } = this;
    socket.on('message', (data, binary) => received.add({ type: binary ? 'binary' : 'text', data: data as Buffer }));
    socket.on('ping', (data) => received.add({ type: 'ping', data }));
    socket.on('pong', (data) => received.add({ type: 'pong', data }));
    socket.on('close', (code, data) => received.add({ type: 'close', data, code }));
    socket.on('error', () => {});
    this.refused = new Promise((resolve) => {
      socket.on('unexpected-response', (_, response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
    });
  }

  /** Connects, and waits until it is open. */
  static async open(port: number, path: string, protocols?: string[], options?: ClientOptions): Promise<SocketClient> {
    const client = new SocketClient(port, path, protocols, options);
    const opened = new Promise<void>((resolve, reject) => {
      client.socket.once('open', resolve);
      client.socket.once('error', reject);
    });
    await within(opened, `the WebSocket ${path} opens`);
    return client;
  }

  /** Waits for so many messages, and gives all so far. */
  async messages(count: number): Promise<readonly Received[]> {
    const isMessage = ({ type }: Received): boolean => type === 'text' || type === 'binary';
    const so = (): Received[] => this.received.entries.filter(isMessage);
    await this.received.first(`${count} messages`, () => so().length >= count);
    return so();
  }

  /** Waits for the end of the connection. */
  async closed(): Promise<{ readonly code: number; readonly reason: string }> {
    const { code = 0, data } = await this.received.first('the connection is closed', ({ type }) => type === 'close');
    return { code, reason: data.toString() };
  }

  /** Cuts it off, if it is there still. */
  terminate(): void {
    this.socket.terminate();
  }
}

/** A frame as clients send them, masked. `flags` is its first byte. */
export function clientFrame(flags: number, data: string | Uint8Array): Buffer {
  const payload = Buffer.from(data as string);
  if (payload.length > 125) throw new Error('clientFrame() makes short frames only.');
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] as number));
  return Buffer.concat([Buffer.from([flags, 0x80 | payload.length]), mask, masked]);
}

/** The lines of a handshake, but for its request line and Host. */
export const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
] as const;
