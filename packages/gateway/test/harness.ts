// A scripted Mongrel2 and a fetch app behind it, over memory: what most of the gateway's tests start with.
import {
  type CommonOptions,
  Connection,
  encodeRequest,
  type Field,
  type Handler,
  type Logger,
  M2Error,
  memoryTransport,
  runConnection,
  type ServeOptions,
  type Server,
  type ServerReply,
} from '@m2/core';
import {
  eventually,
  type ParsedResponse,
  type ScriptedClient,
  ScriptedMongrel2,
  type ScriptedOptions,
  type ScriptedRequest,
} from '@m2/core/testing';
import { expect, onTestFinished } from 'vitest';
import { type FetchApp, type FetchHandlerOptions, fetchHandler } from '../src/index.js';

/** One log line. */
export interface LogLine {
  readonly level: 'debug' | 'warn' | 'error';
  readonly message: string;
  readonly error: unknown;
}

/** A logger that keeps its lines, but for those at level info: they tell of a normal course. */
export function keepLines(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: LogLine['level']) => (message: string, fields?: Readonly<Record<string, unknown>>) =>
    void lines.push({ level, message, error: fields?.error });
  return { lines, debug: at('debug'), info: () => {}, warn: at('warn'), error: at('error') };
}

export interface Setup {
  readonly handler?: FetchHandlerOptions;
  readonly mongrel2?: Partial<ScriptedOptions>;
  readonly connection?: CommonOptions & { readonly flowControl?: 'auto' | 'on' | 'off' };
  readonly serve?: ServeOptions;
}

export interface Running {
  readonly mongrel2: ScriptedMongrel2;
  readonly server: Server;
  /** What connection, server and handler logged. */
  readonly lines: LogLine[];
  /** One request on a connection of its own, and its response. */
  ask(request?: ScriptedRequest | string): Promise<ParsedResponse>;
  /** Sends a message as Mongrel2 itself would write it, for what no scripted client can send; the bytes of the first reply, latin1. */
  askRaw(message: RawRequest): Promise<string>;
}

/** A request by its parts. */
export interface RawRequest {
  readonly uri: string;
  readonly meta?: readonly Field[];
  readonly headers?: readonly Field[];
  readonly body?: Uint8Array;
}

/** Serves an app, or a handler, until the test is over; then every request must have had exactly one end. */
export async function serveApp(app: FetchApp | { handler: Handler }, setup: Setup = {}): Promise<Running> {
  const medium = memoryTransport();
  const logger = keepLines();
  const handler = 'handler' in app ? app.handler : fetchHandler(app, { logger, ...setup.handler });
  const replies = new Map<number, string>();
  const mongrel2 = await ScriptedMongrel2.start({
    peer: medium,
    observe: (reply) => keepReply(replies, reply),
    ...setup.mongrel2,
  });
  const { sendSpec, recvSpec } = mongrel2;
  const connection = new Connection({ sendSpec, recvSpec, logger, ...setup.connection });
  const server = await runConnection(connection, handler, medium, { logger, ...setup.serve });
  onTestFinished(async () => {
    await server.stop({ graceMs: 0 });
    const { received, replied, clientGone, shed, workerDied, timedOut } = server.stats().counters;
    expect(replied + clientGone + shed + workerDied + timedOut).toBe(received);
    expect(mongrel2.counters.badReplies).toBe(0);
    await mongrel2.kill();
  });
  await server.ready;
  let id = FIRST_RAW_ID;
  return {
    mongrel2,
    server,
    async askRaw(message) {
      id++;
      sendRaw(mongrel2, id, message);
      await eventually(() => replies.has(id), `connection ${id} is answered`);
      return replies.get(id) ?? '';
    },
    lines: logger.lines,
    ask: (request = {}) => connect(mongrel2, typeof request === 'string' ? { path: request } : request).response(),
  };
}

/** A connection that has sent one request. */
export const connect = (mongrel2: ScriptedMongrel2, request: ScriptedRequest = {}): ScriptedClient =>
  mongrel2.connect().request(request);

/** Ids that no scripted connection has. */
const FIRST_RAW_ID = 1_000_000;

function keepReply(replies: Map<number, string>, reply: ServerReply | M2Error): void {
  if (reply instanceof Error || reply.kind !== 'data') return;
  for (const id of reply.ids) if (!replies.has(id)) replies.set(id, Buffer.from(reply.data).toString('latin1'));
}

function sendRaw(
  mongrel2: ScriptedMongrel2,
  id: number,
  { uri, meta = [], headers = [], body = new Uint8Array(0) }: RawRequest,
): void {
  const given = new Map<string, Field[1]>([
    ['METHOD', 'GET'],
    ['VERSION', 'HTTP/1.1'],
    ['URI', uri],
    ['PATTERN', '/'],
    ['URL_SCHEME', 'http'],
    ['REMOTE_ADDR', '127.0.0.1'],
    ...meta,
  ]);
  const path = uri.split('?')[0] ?? uri;
  if (!mongrel2.sendRaw(encodeRequest({ server: 'scripted', id, path, meta: [...given], headers, body }, 'json'))) {
    throw new Error('The scripted Mongrel2 has no handler.');
  }
}

/** The app's one failure, as the server logged it. */
export function onlyFailure({ lines, server }: Running): M2Error {
  expect(lines.map(({ level }) => level)).toEqual(['error']);
  expect(server.stats().counters.handlerErrors).toBe(1);
  const error = lines[0]?.error;
  if (!M2Error.is(error)) throw new Error(`No M2Error was logged, but ${String(error)}.`);
  expect(error.code).toBe('M2_APP_FAILED');
  expect(lines[0]?.message).toBe(error.message);
  return error;
}

/** A promise with its ends outside. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
