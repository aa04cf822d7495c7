// One (req, res) listener in every kind of app: what concerns all of them is tested on all of them.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { NodeApp, NodeHandlerOptions, NodeListener } from '../../src/node/index.js';
import { nodeHandler } from '../../src/node/index.js';
import { keepLines, type Running, type Setup, serveApp } from '../harness.js';

// Most of these have no types of their own, and the tests need little of them.
const require = createRequire(import.meta.url);

/** A function that makes an app or a middleware. */
export type Make<T> = (options?: unknown) => T;
/** What Express, Connect and Polka have in common. */
export interface UseApp {
  use(...handlers: unknown[]): UseApp;
  get(path: string, handler: (...args: never[]) => unknown): UseApp;
  post(path: string, handler: (...args: never[]) => unknown): UseApp;
}

export const express = require('express') as Make<UseApp> & { json: Make<NodeListener>; static: (root: string) => NodeListener };
export const express4 = require('express4') as typeof express;
export const connect = require('connect') as Make<UseApp>;
export const polka = require('polka') as Make<UseApp>;
/** A Koa app, as far as it is needed. */
export interface KoaApp {
  use(middleware: (context: KoaContext, next: () => Promise<void>) => unknown): KoaApp;
  on(event: string, listener: (error: Error) => void): KoaApp;
  callback(): NodeListener;
}
export interface KoaContext {
  req: Parameters<NodeListener>[0];
  res: Parameters<NodeListener>[1];
  respond: boolean;
  body: unknown;
  path: string;
  ip: string;
  protocol: string;
}
export const Koa = require('koa') as new () => KoaApp;
/** A Fastify app, as far as it is needed. */
export interface FastifyApp {
  all(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown): void;
  get(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown): void;
  post(path: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown): void;
  addContentTypeParser(type: string, parser: (request: unknown, payload: unknown, done: (error: null) => void) => void): void;
  removeAllContentTypeParsers(): void;
  addHook(name: 'onClose', hook: () => Promise<void>): void;
  ready(): Promise<unknown>;
  routing: NodeListener;
  readonly server: unknown;
  close(): Promise<void>;
}
export interface FastifyRequest {
  raw: Parameters<NodeListener>[0];
  body: unknown;
  ip: string;
  protocol: string;
}
export interface FastifyReply {
  raw: Parameters<NodeListener>[1];
  hijack(): void;
  send(payload: unknown): void;
}
export const fastify = require('fastify') as (options?: unknown) => FastifyApp;

/** Any other package. */
export const load = <T>(name: string): T => require(name) as T;

function fastifyWith(listener: NodeListener): FastifyApp {
  const app = fastify();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.all('*', (request, reply) => {
    reply.hijack();
    return listener(request.raw, reply.raw);
  });
  return app;
}

/** A kind of app, made around a listener that does all the work. */
export interface Kind {
  readonly kind: string;
  readonly make: (listener: NodeListener) => NodeApp;
}

const used = (app: UseApp, listener: NodeListener): NodeApp =>
  app.use((request: never, response: never) => void listener(request, response)) as unknown as NodeApp;

export const kinds: readonly Kind[] = [
  { kind: 'bare listener', make: (listener) => listener },
  { kind: 'Express 5', make: (listener) => used(express(), listener) },
  { kind: 'Express 4', make: (listener) => used(express4(), listener) },
  { kind: 'Connect', make: (listener) => used(connect(), listener) },
  { kind: 'Polka', make: (listener) => used(polka(), listener) },
  {
    kind: 'Koa',
    make: (listener) =>
      new Koa().use((context) => {
        context.respond = false;
        // Koa's own default, which a listener that sets none does not have.
        context.res.statusCode = 200;
        listener(context.req, context.res);
      }),
  },
  { kind: 'Fastify', make: fastifyWith },
  { kind: 'http.Server', make: (listener) => createServer((request, response) => void listener(request, response)) },
];

/** Serves a `(req, res)` app until the test is over. */
export async function serveNode(
  app: NodeApp,
  setup: Omit<Setup, 'handler'> & { readonly node?: NodeHandlerOptions } = {},
): Promise<Running & { readonly told: ReturnType<typeof keepLines>['lines'] }> {
  const logger = keepLines();
  const handler = nodeHandler(app, { logger, ...setup.node });
  await handler.ready;
  return { ...(await serveApp({ handler }, setup)), told: logger.lines };
}
