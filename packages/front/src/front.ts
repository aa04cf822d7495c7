import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { M2Error, type PeerTransport, silentLogger } from '@m2/core';
import { zeromqTransport } from '@m2/transport-zeromq';
import { ClientConnection, type FrontContext } from './client-connection.js';
import { HandlerSocket } from './handler-socket.js';
import type { Front, FrontHandler, FrontHandlerOptions, FrontOptions } from './options.js';
import { ReplyTargets } from './reply-targets.js';
import { RequestParser } from './request-parser.js';
import { Routes } from './routes.js';
import { resolveSettings } from './settings.js';
import { newStats } from './stats.js';

/** TCP connections at once; more are refused. */
const MAX_CONNECTIONS = 10_000;

/**
 * Starts an embedded front that speaks Mongrel2's handler protocol: for trying m2 and for tests, not for production. Resolves
 * once it listens and its handlers' sockets are bound.
 * @throws M2Error `M2_OPTION_INVALID` for bad settings, routes or idents; `M2_SPEC_INVALID` and `M2_SOCKET_FAILED` for addresses.
 */
export async function startFront(options: FrontOptions = {}): Promise<Front> {
  const front = new EmbeddedFront(options);
  try {
    await front.start(options);
  } catch (error) {
    await front.close();
    throw error;
  }
  return front;
}

class EmbeddedFront implements Front {
  url = '';
  port = 0;
  readonly handlers: FrontHandler[] = [];
  readonly stats = newStats();
  private readonly context: FrontContext;
  private readonly sockets: HandlerSocket[] = [];
  /** Every TCP connection, those that are closing included. */
  private readonly connections = new Set<Socket>();
  private readonly server: Server;
  private lastId = 0;
  private closing: Promise<void> | undefined;

  constructor(options: FrontOptions) {
    const settings = resolveSettings(options.settings);
    this.context = {
      settings,
      routes: new Routes(),
      clients: new Map(),
      parser: new RequestParser(settings.bufferSize),
      stats: this.stats,
      logger: options.logger ?? silentLogger,
      pending: new Set(),
    };
    // A client's half-close is the front's to deal with, not node:net's to answer.
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.connections.add(socket);
      socket.on('close', () => this.connections.delete(socket));
      new ClientConnection(this.nextId(), socket, this.context);
    });
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  async start(options: FrontOptions): Promise<void> {
    const transport = options.transport ?? zeromqTransport();
    for (const handler of listOf<FrontHandlerOptions>(options.handlers ?? {})) await this.bind(transport, handler);
    await this.listen(options.host ?? '127.0.0.1', options.port ?? 0);
    this.context.logger.info(
      `The embedded front listens on ${this.url}. It stands in for Mongrel2 while you try m2 or test; do not put it in front of the public.`,
      { handlers: this.handlers },
    );
  }

  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  private async bind(transport: PeerTransport, options: FrontHandlerOptions): Promise<void> {
    const {
      sendSpec = 'tcp://127.0.0.1:*',
      recvSpec = 'tcp://127.0.0.1:*',
      sendIdent = randomUUID(),
      protocol = 'json',
    } = options;
    const recvIdent = options.recvIdent ?? `${sendIdent} `;
    checkHandler(sendIdent, protocol);
    const { routes, clients, settings, logger } = this.context;
    const socket = new HandlerSocket(
      sendIdent,
      protocol,
      settings.handlerTargets,
      new ReplyTargets(clients, this.stats),
      this.stats,
      logger,
    );
    const paths = listOf(options.path ?? '/');
    for (const path of paths) routes.add(path, socket);
    const peer = await transport.bind({ sendSpec, recvSpec, recvIdent, logger }, socket);
    socket.attach(peer);
    this.sockets.push(socket);
    this.handlers.push({ sendSpec: peer.sendSpec, recvSpec: peer.recvSpec, sendIdent, recvIdent, protocol, paths });
  }

  private async listen(host: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (cause) =>
        reject(
          new M2Error(
            'M2_SOCKET_FAILED',
            `The front cannot listen on ${host}:${port}: ${cause.message}. Choose another host or port.`,
            {
              cause,
              details: { host, port },
            },
          ),
        ),
      );
      this.server.listen(port, host, () => resolve());
    });
    this.port = (this.server.address() as AddressInfo).port;
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  private async stop(): Promise<void> {
    const stopped = this.server.listening ? new Promise<void>((resolve) => this.server.close(() => resolve())) : undefined;
    for (const client of [...this.context.clients.values()]) client.leave();
    for (const connection of this.connections) connection.destroy();
    await Promise.all(this.context.pending);
    await Promise.all(this.sockets.map((socket) => socket.close()));
    await stopped;
  }

  /** Ids count up from 1, and begin anew after 2^32 - 1. */
  private nextId(): number {
    do this.lastId = (this.lastId % 0xffff_ffff) + 1;
    while (this.context.clients.has(this.lastId));
    return this.lastId;
  }
}

const listOf = <T>(given: T | readonly T[]): readonly T[] => (Array.isArray(given) ? (given as readonly T[]) : [given as T]);

function checkHandler(sendIdent: string, protocol: string): void {
  if (!/^[A-Za-z0-9-]+$/.test(sendIdent)) {
    throw new M2Error('M2_OPTION_INVALID', `The sendIdent ${JSON.stringify(sendIdent)} must have letters, digits and "-" only.`, {
      details: { option: 'sendIdent', value: sendIdent },
    });
  }
  if (protocol !== 'json' && protocol !== 'tnetstring') {
    throw new M2Error('M2_OPTION_INVALID', `The protocol ${JSON.stringify(protocol)} must be 'json' or 'tnetstring'.`, {
      details: { option: 'protocol', value: protocol },
    });
  }
}
