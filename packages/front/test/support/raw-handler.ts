import {
  type Control,
  decodeMessage,
  encodeClose,
  encodeControl,
  encodeReply,
  type Link,
  type LinkReceiver,
  type M2Request,
  memoryTransport,
  type PeerTransport,
  SocketSpec,
  silentLogger,
  type Transport,
} from '@m2/core';
import { type Front, type FrontHandlerOptions, type FrontOptions, startFront } from '../../src/index.js';
import { Watched } from './deadline.js';
import { TcpClient } from './tcp-client.js';

/** A handler that keeps every message and answers what it is told to. */
export class RawHandler implements LinkReceiver {
  /** Messages as they came, latin1. */
  readonly raw: string[] = [];
  readonly seen: M2Request[] = [];
  private readonly watched = new Watched();
  private epoch = 0;
  private link: Link | undefined;

  constructor(private readonly sendIdent: string) {}

  /** Connects to one of a front's handlers, and waits until replies can be sent. */
  static async connect(transport: Transport, front: Front, index = 0): Promise<RawHandler> {
    const { sendSpec, recvSpec, sendIdent } = front.handlers[index] as Front['handlers'][number];
    const handler = new RawHandler(sendIdent);
    const spec = {
      sendSpec: SocketSpec.parse(sendSpec),
      recvSpec: SocketSpec.parse(recvSpec),
      sendQueueBytes: 1 << 28,
      lingerMs: 1000,
      logger: silentLogger,
    };
    handler.link = await transport.open(spec, handler);
    await handler.watched.until(() => handler.epoch > 0, 'the subscription');
    return handler;
  }

  messages(batch: readonly Uint8Array[]): void {
    for (const bytes of batch) {
      this.raw.push(Buffer.from(bytes).toString('latin1'));
      const message = decodeMessage(bytes);
      if (message instanceof Error) throw message;
      message.detach();
      this.seen.push(message);
    }
    this.watched.changed();
  }

  up(epoch: number): void {
    this.epoch = epoch;
    this.watched.changed();
  }

  down(): void {
    this.epoch = 0;
  }

  /** Resolves to message number `count`, counted from 1, when it is there. */
  async message<K extends M2Request['kind']>(count: number, kind: K): Promise<Extract<M2Request, { kind: K }>> {
    await this.watched.until(() => this.seen.length >= count, `message ${count} after ${this.raw.join('\n')}`);
    const message = this.seen[count - 1] as M2Request;
    if (message.kind !== kind) throw new Error(`Message ${count} is ${message.kind}, not ${kind}: ${this.raw[count - 1]}`);
    return message as Extract<M2Request, { kind: K }>;
  }

  /** Resolves once so many messages came. */
  async count(messages: number): Promise<void> {
    await this.watched.until(() => this.seen.length >= messages, `${messages} messages`);
  }

  reply(id: number | readonly number[], data: string | Uint8Array): void {
    this.link?.send(encodeReply(this.epoch, this.sendIdent, id, '', data));
  }

  close(id: number | readonly number[]): void {
    this.link?.send(encodeClose(this.epoch, this.sendIdent, id));
  }

  control(id: number | readonly number[], control: Control): void {
    this.link?.send(encodeControl(this.epoch, this.sendIdent, id, control));
  }

  /** Sends a whole message as it is, good or bad; it must begin with what the front subscribed to. */
  sendRaw(message: string): void {
    this.link?.send({ epoch: this.epoch, head: message, data: '' });
  }

  async stop(): Promise<void> {
    await this.link?.close();
  }
}

/** A front and its raw handlers in one process. */
export interface Pair {
  readonly front: Front;
  /** The first of `handlers`. */
  readonly handler: RawHandler;
  /** One connected to each of the front's handlers. */
  readonly handlers: readonly RawHandler[];
  readonly transport: Transport & PeerTransport;
}

const running: { readonly front: Front; readonly handlers: RawHandler[] }[] = [];

/** Starts a front over the memory transport with one handler, or several, and connects a raw handler to each. */
export async function startPair(options: Omit<FrontOptions, 'transport'> = {}): Promise<Pair> {
  const transport = memoryTransport();
  const given = [options.handlers ?? {}].flat() as FrontHandlerOptions[];
  const specs = given.map((one, at) => ({
    sendSpec: `memory://send-${at}`,
    recvSpec: `memory://recv-${at}`,
    sendIdent: `front-${at}`,
    ...one,
  }));
  const front = await startFront({ ...options, transport, handlers: specs });
  const handlers: RawHandler[] = [];
  running.push({ front, handlers });
  for (const at of specs.keys()) handlers.push(await RawHandler.connect(transport, front, at));
  return { front, handler: handlers[0] as RawHandler, handlers, transport };
}

/** Closes every front that `startPair` started: for afterEach. */
export async function stopPairs(): Promise<void> {
  for (const { front, handlers } of running.splice(0)) {
    await front.close();
    for (const handler of handlers) await handler.stop();
  }
}

/** A request for `/`. */
export const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

/** A pair, and a client whose request reached the first handler. */
export async function startWithClient(
  options?: Omit<FrontOptions, 'transport'>,
): Promise<Pair & { client: TcpClient; id: number }> {
  const pair = await startPair(options);
  const client = await TcpClient.open(pair.front, GET);
  return { ...pair, client, id: (await pair.handler.message(1, 'http')).id };
}

/** Passes a second client's request: whatever was sent before it was dealt with, on both sides. */
export async function settle({ front, handler }: Pair): Promise<void> {
  const count = handler.seen.length;
  await TcpClient.open(front, GET);
  await handler.count(count + 1);
}
