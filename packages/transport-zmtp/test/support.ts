import { createServer } from 'node:net';
import {
  type Link,
  type LinkReceiver,
  type LinkSpec,
  type Logger,
  type LogLevel,
  type M2Error,
  type PeerReceiver,
  SocketSpec,
  type Transport,
} from '@m2/core';
import * as zeromq from 'zeromq';

/** How long a test waits for something that must happen, in milliseconds. */
const DEADLINE_MS = 10_000;

/** Waits for conditions that change by calls only: every `changed()` looks at them again. */
export class Signal {
  private waiting: { met: () => boolean; resolve: () => void }[] = [];

  changed(): void {
    const met = this.waiting.filter((waiter) => waiter.met());
    this.waiting = this.waiting.filter((waiter) => !met.includes(waiter));
    for (const waiter of met) waiter.resolve();
  }

  /** Resolves when `met` holds; rejects at the deadline, naming `what`. */
  until(what: string, met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Waited in vain until ${what}.`)), DEADLINE_MS);
      this.waiting.push({
        met,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }
}

/** Looks again at each turn of the event loop, for what no event tells. Rejects at the deadline, naming `what`. */
export async function eventually(what: string, met: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!met()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A message with the epoch that it came in. */
export interface Received {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly epoch: number;
}

/** Keeps what a link tells its owner. */
export class Recorder extends Signal implements LinkReceiver {
  readonly received: Received[] = [];
  readonly batches: number[] = [];
  /** `up 1`, `down 1`, in order. */
  readonly log: string[] = [];
  readonly causes: M2Error[] = [];
  subscription: string | undefined;
  onUp: (epoch: number) => void = () => {};

  messages(batch: readonly Uint8Array[], epoch: number): void {
    this.batches.push(batch.length);
    for (const bytes of batch) this.received.push({ text: latin1(bytes), bytes, epoch });
    this.changed();
  }

  up(epoch: number, subscription: Uint8Array): void {
    this.log.push(`up ${epoch}`);
    this.subscription = latin1(subscription);
    this.onUp(epoch);
    this.changed();
  }

  down(epoch: number, cause: M2Error): void {
    this.log.push(`down ${epoch}`);
    this.causes.push(cause);
    this.changed();
  }

  isUp(epoch: number): Promise<void> {
    return this.until(`epoch ${epoch} is up`, () => this.log.includes(`up ${epoch}`));
  }

  isDown(epoch: number): Promise<void> {
    return this.until(`epoch ${epoch} is down`, () => this.log.includes(`down ${epoch}`));
  }

  has(count: number): Promise<void> {
    return this.until(`${count} requests have arrived`, () => this.received.length >= count);
  }
}

/** Keeps the replies that a peer link gets. */
export class Collector extends Signal implements PeerReceiver {
  readonly messages: Uint8Array[] = [];

  replies(batch: readonly Uint8Array[]): void {
    this.messages.push(...batch);
    this.changed();
  }

  get texts(): string[] {
    return this.messages.map(latin1);
  }

  has(count: number): Promise<void> {
    return this.until(`${count} replies have arrived`, () => this.messages.length >= count);
  }
}

/** One log line. */
export interface Line {
  readonly level: LogLevel;
  readonly message: string;
}

/** A logger that keeps its lines. */
export class MemoryLogger extends Signal implements Logger {
  readonly lines: Line[] = [];

  debug(message: string): void {
    this.add('debug', message);
  }
  info(message: string): void {
    this.add('info', message);
  }
  warn(message: string): void {
    this.add('warn', message);
  }
  error(message: string): void {
    this.add('error', message);
  }

  of(level: LogLevel): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }

  private add(level: LogLevel, message: string): void {
    this.lines.push({ level, message });
    this.changed();
  }
}

/**
 * A Mongrel2 of raw zeromq sockets: binds PUSH and SUB, and can be restarted at the same addresses. Replies are read
 * from the start unless it is told to be slow.
 */
export class RawServer extends Signal {
  /** Every message, with its parts. */
  readonly messages: string[][] = [];
  /** The parts of all of them. */
  readonly replies: string[] = [];

  private constructor(
    readonly push: zeromq.Push,
    readonly sub: zeromq.Subscriber,
    readonly sendSpec: string,
    readonly recvSpec: string,
  ) {
    super();
  }

  static async listen(
    options: { sendSpec?: string; recvSpec?: string; recvIdent?: string; slow?: boolean; sub?: object } = {},
  ): Promise<RawServer> {
    const push = new zeromq.Push({ linger: 5000 });
    const sub = new zeromq.Subscriber({ linger: 0, ...options.sub });
    await rebind(push, options.sendSpec ?? 'tcp://127.0.0.1:0');
    await rebind(sub, options.recvSpec ?? 'tcp://127.0.0.1:0');
    sub.subscribe(options.recvIdent ?? 'm2-test ');
    const server = new RawServer(push, sub, push.lastEndpoint ?? '', sub.lastEndpoint ?? '');
    if (!options.slow) void server.read();
    return server;
  }

  /** Reads replies until closed. */
  async read(): Promise<void> {
    try {
      for (;;) {
        const parts: Uint8Array[] = await this.sub.receive();
        const texts = parts.map(latin1);
        this.messages.push(texts);
        this.replies.push(...texts);
        this.changed();
      }
    } catch (error) {
      if (!this.sub.closed) throw error;
    }
  }

  /** Sends one request after the other. */
  async send(...texts: string[]): Promise<void> {
    for (const text of texts) await this.push.send(Buffer.from(text, 'latin1'));
  }

  has(count: number): Promise<void> {
    return this.until(`${count} replies have arrived`, () => this.replies.length >= count);
  }

  close(): void {
    this.push.close();
    this.sub.close();
  }

  /** Stops and starts again at the same addresses; what was pushed before still goes out. */
  async restart(options: { recvIdent?: string; slow?: boolean } = {}): Promise<RawServer> {
    this.close();
    return RawServer.listen({ ...options, sendSpec: this.sendSpec, recvSpec: this.recvSpec });
  }
}

/** Binds, waiting for a socket that was closed to give the address free: libzmq does that in its own time. */
async function rebind(socket: zeromq.Push | zeromq.Subscriber, address: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await socket.bind(address);
    } catch (error) {
      if ((error as { code?: string }).code !== 'EADDRINUSE' || performance.now() > deadline) throw error;
    }
  }
}

/** A tcp address that nobody listens at (and nobody is given by chance while the test runs, as long as ports are drawn in turn). */
export async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `tcp://127.0.0.1:${port}`;
}

/** A spec with the defaults that core gives. */
export function linkSpec(sendSpec: string, recvSpec: string, more: Partial<LinkSpec> = {}): LinkSpec {
  return {
    sendSpec: SocketSpec.parse(sendSpec),
    recvSpec: SocketSpec.parse(recvSpec),
    sendQueueBytes: 64 * 1024 * 1024,
    lingerMs: 2000,
    logger: new MemoryLogger(),
    ...more,
  };
}

/** Opens a link to whatever binds at two addresses. */
export function openLink(
  transport: Transport,
  to: { sendSpec: string; recvSpec: string },
  receiver: LinkReceiver,
  more: Partial<LinkSpec> = {},
): Promise<Link> {
  return transport.open(linkSpec(to.sendSpec, to.recvSpec, more), receiver);
}

/** A reply of one epoch, with the prefix that the raw server subscribes to. */
export const reply = (epoch: number, data: string | Uint8Array) => ({ epoch, head: 'm2-test 1:7, ', data });

/** The text of a {@link reply} as the server gets it. */
export const replyText = (data: string): string => `m2-test 1:7, ${data}`;

/** One character a byte. */
export const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** `count` texts made of a prefix and a number. */
export const numbered = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`);
