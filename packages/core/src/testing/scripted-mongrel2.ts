import { afterTick, latin1Slice } from '#platform';
import { type Clock, systemClock } from '../clock.js';
import { M2Error } from '../errors.js';
import { type Logger, silentLogger } from '../logger.js';
import type { PeerLink, PeerTransport } from '../transport.js';
import { decodeReply, encodeNotice, type HeaderProtocol, type ReplyEffect, type ServerReply } from '../wire/server-side.js';
import { idleDefaults } from './idle-clock.js';
import { type ClosedBy, ScriptedClient, type ScriptedHost } from './scripted-client.js';

/** How a scripted Mongrel2 is set up. Names are those of Mongrel2's configuration where it has them. */
export interface ScriptedOptions {
  /** The medium. */
  readonly peer: PeerTransport;
  /** Default `memory://send`. */
  readonly sendSpec?: string;
  /** Default `memory://recv`. */
  readonly recvSpec?: string;
  /** send_ident. Default `scripted`. */
  readonly uuid?: string;
  /** What SUB subscribes to. Default the uuid and a blank. */
  readonly recvIdent?: string;
  /** Default `tnetstring`. */
  readonly protocol?: HeaderProtocol;
  /** The route, as PATTERN has it. Default `/`. */
  readonly pattern?: string;
  /** `download.flow_control`. Default false. */
  readonly flowControl?: boolean;
  /** `upload.stream`; without it a large or chunked body gets 413. Default true. */
  readonly uploadStream?: boolean;
  /** `raw_payload`: replies to JSON and XML sockets are not base64. Default false. */
  readonly rawPayload?: boolean;
  /** `limits.content_length`, in bytes. Default 20,480. */
  readonly contentLength?: number;
  /** `limits.buffer_size`, in bytes: what comes with the head of a streamed body. Default 4,096. */
  readonly bufferSize?: number;
  /** What the kernel holds for a client that does not read, in bytes. Default 256 KiB. */
  readonly socketBytes?: number;
  /** How many messages are written to one client in one turn. Default all that are queued. */
  readonly messagesPerTurn?: number;
  /** How long a turn of writing takes, in milliseconds of `clock`. Default 0: the end of the event loop's turn. */
  readonly writeEveryMs?: number;
  /** How long a bad reply stalls all others, in milliseconds of `clock`. Default 500, as measured (protocol 4). */
  readonly stallMs?: number;
  /** Default the machine's own. */
  readonly clock?: Clock;
  /** Default silent. */
  readonly logger?: Logger;
  /** Sees each reply as it is read, or what is wrong with it. */
  readonly observe?: (reply: ServerReply | M2Error) => void;
}

/** What a scripted Mongrel2 counted, over all its incarnations. */
export interface ScriptedCounters {
  /** Messages sent to handlers, notices not counted. */
  messages: number;
  /** Disconnect and credits notices sent. */
  notices: number;
  /** Replies that were read, good or bad. */
  replies: number;
  /** Replies that it could not take (protocol 4 and 5). */
  badReplies: number;
  /** Plain replies swallowed by a sticky X flag (protocol 5). */
  swallowed: number;
  /** Ids of replies whose connection was gone, or never there. */
  late: number;
  /** Replies that named another server; they are delivered all the same (protocol 4). */
  foreign: number;
  /** Connections ended without a notice: 16 messages, byte window, idle limits. */
  killed: number;
  /** Closes that found the queue full and were lost. */
  lostCloses: number;
  /** Messages that found no room on the way to handlers. */
  undeliverable: number;
}

type Settings = Required<Omit<ScriptedOptions, 'observe'>> & Pick<ScriptedOptions, 'observe'>;

function settle(options: ScriptedOptions): Settings {
  const uuid = options.uuid ?? 'scripted';
  return {
    sendSpec: 'memory://send',
    recvSpec: 'memory://recv',
    recvIdent: `${uuid} `,
    protocol: 'tnetstring',
    pattern: '/',
    flowControl: false,
    uploadStream: true,
    rawPayload: false,
    contentLength: 20_480,
    bufferSize: 4096,
    socketBytes: 256 * 1024,
    messagesPerTurn: Number.POSITIVE_INFINITY,
    writeEveryMs: 0,
    stallMs: 500,
    clock: systemClock,
    logger: silentLogger,
    ...options,
    uuid,
  };
}

/**
 * A Mongrel2 for tests: it sends what the real one sends and is exactly as unforgiving (protocol 4 to 12). Replies of one
 * turn are all queued before any is written; ids start at 1 again after a restart; a bad reply stalls or crashes it.
 */
export class ScriptedMongrel2 {
  readonly counters: ScriptedCounters = {
    messages: 0,
    notices: 0,
    replies: 0,
    badReplies: 0,
    swallowed: 0,
    late: 0,
    foreign: 0,
    killed: 0,
    lostCloses: 0,
    undeliverable: 0,
  };
  /** A reply ended the process, as a malformed extended one does the real Mongrel2 (protocol 5). */
  crashed = false;

  private readonly settings: Settings;
  private readonly host: ScriptedHost;
  private addresses: { readonly sendSpec: string; readonly recvSpec: string };
  private link: PeerLink | undefined;
  private clients = new Map<number, ScriptedClient>();
  private lastId = 0;
  private stalled: Uint8Array[] | undefined;
  private stickyX = false;
  private cancelTick: () => void = () => {};

  private constructor(options: ScriptedOptions) {
    this.settings = settle(options);
    const { settings } = this;
    this.addresses = { sendSpec: settings.sendSpec, recvSpec: settings.recvSpec };
    this.host = {
      ...settings,
      later: (call) => void (settings.writeEveryMs > 0 ? settings.clock.after(settings.writeEveryMs, call) : afterTick(call)),
      deliver: (message) => this.deliver(message),
      credits: (id, credits) => this.notice(id, { credits }),
      forget: (client, by, notice) => this.forget(client, by, notice),
      lostClose: () => void this.counters.lostCloses++,
    };
  }

  /** Binds and is there for handlers. Rejects with the peer transport's error. */
  static async start(options: ScriptedOptions): Promise<ScriptedMongrel2> {
    const server = new ScriptedMongrel2(options);
    await server.boot();
    return server;
  }

  /** Where it sends requests to, with the port really bound. */
  get sendSpec(): string {
    return this.addresses.sendSpec;
  }

  /** Where it takes replies, with the port really bound. */
  get recvSpec(): string {
    return this.addresses.recvSpec;
  }

  /** How many connections are open. */
  get open(): number {
    return this.clients.size;
  }

  /** It is up. */
  get running(): boolean {
    return this.link !== undefined;
  }

  /** A new TCP connection of a client. @throws Error when the server is down. */
  connect(): ScriptedClient {
    if (this.link === undefined) throw new Error('Nobody can connect: the scripted Mongrel2 is down.');
    const { uuid, protocol, pattern, flowControl } = this.settings;
    const client = new ScriptedClient(this.host, ++this.lastId, { server: uuid, protocol, pattern, flowControl });
    this.clients.set(client.id, client);
    return client;
  }

  /** Sends any bytes to a handler. `false`: there was no room. */
  sendRaw(message: Uint8Array): boolean {
    return this.link?.send(message) ?? false;
  }

  /** SIGTERM: disconnect notices for all that a handler knows, then down. Idempotent. */
  async stop(): Promise<void> {
    await this.leave(true);
  }

  /** SIGKILL, or a crash: down without a word. Idempotent. */
  async kill(): Promise<void> {
    await this.leave(false);
  }

  /** Killed and started again, at the same addresses; connection ids start at 1 again. */
  async restart(): Promise<void> {
    await this.kill();
    await this.boot();
  }

  private async boot(): Promise<void> {
    const { peer, recvIdent, logger } = this.settings;
    this.lastId = 0;
    this.stickyX = false;
    this.stalled = undefined;
    this.crashed = false;
    this.link = await peer.bind({ ...this.addresses, recvIdent, logger }, { replies: (batch) => this.read(batch) });
    // Where port 0 was asked for, a restart comes back to the port that it got.
    this.addresses = { sendSpec: this.link.sendSpec, recvSpec: this.link.recvSpec };
    this.scheduleIdleLimits();
  }

  private async leave(notices: boolean): Promise<void> {
    const { link } = this;
    this.cancelTick();
    for (const client of [...this.clients.values()]) client.end('server', notices);
    this.clients.clear();
    this.link = undefined;
    await link?.close();
  }

  // --- replies ------------------------------------------------------------------------------------------------------

  private read(batch: readonly Uint8Array[]): void {
    for (const bytes of batch) {
      if (this.link === undefined) return;
      if (this.stalled !== undefined) this.stalled.push(bytes);
      else this.readOne(bytes);
    }
  }

  private readOne(bytes: Uint8Array): void {
    const reply = decodeReply(bytes);
    this.counters.replies++;
    this.settings.observe?.(reply);
    if (reply instanceof M2Error) return this.bad(reply, bytes);
    if (reply.server !== this.settings.uuid) this.counters.foreign++;
    if (reply.kind === 'control') return this.control(reply);
    if (this.stickyX) {
      this.stickyX = false;
      this.counters.swallowed++;
      return;
    }
    const data = reply.kind === 'close' ? 'close' : reply.data;
    for (const id of reply.ids) {
      const client = this.clients.get(id);
      if (client === undefined) this.bounce(id);
      else client.reply(data);
    }
  }

  private control(reply: Extract<ServerReply, { kind: 'control' }>): void {
    for (const id of reply.ids) {
      const client = this.clients.get(id);
      if (client !== undefined) client.control(reply.keepAlive, reply.credits, reply.cancel);
      // Only cancel asks for no more than what is already so.
      else if (reply.cancel) this.counters.late++;
      else this.bounce(id);
    }
  }

  private bounce(id: number): void {
    this.counters.late++;
    this.notice(id, 'disconnect');
  }

  private bad(error: M2Error, bytes: Uint8Array): void {
    this.counters.badReplies++;
    this.settings.logger.error(error.message, error.details);
    const effect = error.details.effect as ReplyEffect;
    if (error.details.stickyX === true) this.stickyX = true;
    if (effect === 'crash') {
      this.crashed = true;
      void this.kill();
    } else if (effect === 'stall') this.stall();
    else if (effect === 'close') this.closeTargets(bytes);
  }

  /** All that comes after a bad reply waits, whoever it is for. */
  private stall(): void {
    const waiting: Uint8Array[] = [];
    this.stalled = waiting;
    this.settings.clock.after(this.settings.stallMs, () => {
      if (this.stalled !== waiting) return;
      this.stalled = undefined;
      this.read(waiting);
    });
  }

  private closeTargets(bytes: Uint8Array): void {
    const ids = /^\S+ \d+:X ([\d ]+),/.exec(latin1Slice(bytes, 0, Math.min(bytes.length, 4096)))?.[1] ?? '';
    for (const id of ids.split(' ').filter(Boolean)) this.clients.get(Number(id))?.end('server', true);
  }

  // --- to handlers --------------------------------------------------------------------------------------------------

  private deliver(message: Uint8Array): void {
    this.counters.messages++;
    if (!this.sendRaw(message)) this.counters.undeliverable++;
  }

  private notice(id: number, notice: 'disconnect' | { credits: number }): void {
    this.counters.notices++;
    this.sendRaw(encodeNotice(this.settings.uuid, id, notice, this.settings.protocol));
  }

  private forget(client: ScriptedClient, by: ClosedBy, notice: boolean): void {
    this.clients.delete(client.id);
    if (by === 'killed') this.counters.killed++;
    if (notice) this.notice(client.id, 'disconnect');
  }

  private scheduleIdleLimits(): void {
    this.cancelTick = this.settings.clock.after(idleDefaults.tickTimer * 1000, () => {
      for (const client of [...this.clients.values()]) client.checkIdle();
      this.scheduleIdleLimits();
    });
  }
}
