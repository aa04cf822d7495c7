// A scripted Mongrel2 and a handler behind it, over memory: what most of core's tests start with.
import { expect, onTestFinished } from 'vitest';
import type { Outcome, ServeOptions, Server } from '../src/backend.js';
import type { Client } from '../src/connection/client.js';
import { Connection } from '../src/connection/connection.js';
import type { CommonOptions, ServerOptions } from '../src/connection/options.js';
import type { M2Error } from '../src/errors.js';
import type { Handler } from '../src/handler.js';
import { HttpExchange } from '../src/http/exchange.js';
import type { Logger } from '../src/logger.js';
import { memoryTransport } from '../src/memory-transport.js';
import { runConnection } from '../src/serve/loop.js';
import { ScriptedMongrel2, type ScriptedOptions, turns } from '../src/testing/index.js';
import type { Transport } from '../src/transport.js';
import type { HttpRequest, M2Request } from '../src/wire/message.js';
import type { ServerReply } from '../src/wire/server-side.js';

/** One log line, as a test looks at it. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly error: M2Error | undefined;
}

/** A logger that keeps its lines. */
export function keepLines(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: LogLine['level']) => (message: string, fields?: Readonly<Record<string, unknown>>) =>
    void lines.push({ level, message, error: fields?.error as M2Error | undefined });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export interface Setup {
  readonly mongrel2?: Partial<ScriptedOptions>;
  readonly connection?: CommonOptions & { readonly flowControl?: 'auto' | 'on' | 'off' };
  /** More about the one server. */
  readonly servers?: Partial<ServerOptions>;
  readonly serve?: ServeOptions;
  /** Stands between the medium and the connection. */
  readonly wrap?: (transport: Transport) => Transport;
}

export interface Running {
  readonly mongrel2: ScriptedMongrel2;
  readonly connection: Connection;
  readonly server: Server;
  readonly lines: LogLine[];
  /** Every reply that Mongrel2 read. */
  readonly replies: (ServerReply | M2Error)[];
  /** Every end, in order. */
  readonly ended: { readonly id: number; readonly epoch: number; readonly outcome: Outcome; readonly truncated: boolean }[];
  /** Records of clients that are not at rest. */
  clients(): Client[];
}

/** The promise: each received request has exactly one end. */
export function expectSum(server: Server): void {
  const { received, replied, clientGone, shed, workerDied, timedOut } = server.stats().counters;
  expect(replied + clientGone + shed + workerDied + timedOut).toBe(received);
}

/** Starts both sides and waits until they are ready. When the test is over, everything is stopped and the counts are checked. */
export async function start(handler: Handler, setup: Setup = {}): Promise<Running> {
  const medium = memoryTransport();
  const replies: Running['replies'] = [];
  const ended: { id: number; epoch: number; outcome: Outcome; truncated: boolean }[] = [];
  const logger = keepLines();
  const { clock } = setup.connection ?? {};
  const mongrel2 = await ScriptedMongrel2.start({
    peer: medium,
    ...(clock === undefined ? {} : { clock }),
    observe: (reply) => void replies.push(reply),
    ...setup.mongrel2,
  });
  const { sendSpec, recvSpec } = mongrel2;
  const connection = new Connection({ sendSpec, recvSpec, logger, ...setup.connection, ...setup.servers });
  const transport = setup.wrap?.(medium) ?? medium;
  const server = await runConnection(connection, handler, transport, {
    logger,
    ended: (_, epoch, id, outcome, truncated) => void ended.push({ epoch, id, outcome, truncated }),
    // Tests of other things let minutes pass.
    requestTimeoutMs: 0,
    ...setup.serve,
  });
  onTestFinished(async () => {
    await server.stop({ graceMs: 0 });
    expectSum(server);
    expect(server.stats()).toMatchObject({ inFlight: 0, queuedBytes: 0 });
    expect([...connection.openClients()]).toEqual([]);
    expect(replies.filter((reply) => reply instanceof Error)).toEqual([]);
    await mongrel2.kill();
  });
  await server.ready;
  return { mongrel2, connection, server, lines: logger.lines, replies, ended, clients: () => [...connection.openClients()] };
}

/** A handler for HTTP requests: an exchange each. Other messages are not looked at. */
export function http(answer: (exchange: HttpExchange, request: HttpRequest) => void | Promise<void>): Handler {
  return {
    handle(message, client) {
      if (message.kind === 'http') return answer(new HttpExchange(message, client), message);
    },
  };
}

/** A handler that answers every request with its path. */
export const echoPath = http((exchange, request) => exchange.respond(200, [], request.path));

/** A handler that keeps what it gets, for the test to answer. */
export function collecting(): Handler & {
  readonly exchanges: HttpExchange[];
  readonly messages: M2Request[];
  readonly clients: Client[];
} {
  const exchanges: HttpExchange[] = [];
  const messages: M2Request[] = [];
  const clients: Client[] = [];
  return {
    exchanges,
    messages,
    clients,
    handle(message, client) {
      messages.push(message);
      clients.push(client);
      if (message.kind === 'http') exchanges.push(new HttpExchange(message, client));
    },
  };
}

/** Lets what is under way cross the medium and come back. */
export const settled = () => turns(6);
