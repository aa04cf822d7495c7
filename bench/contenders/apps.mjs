// The "hello" of every kind of app, the same bytes for all.
import { fetchHandler } from '@m2/gateway';

/**
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 * @typedef {import('node:http').ServerResponse} ServerResponse
 */

/**
 * What is used of Express, which comes without types.
 * @typedef {ServerResponse & { type(name: string): ExpressResponse, send(body: string): void }} ExpressResponse
 * @typedef {(request: IncomingMessage, response: ExpressResponse) => void} ExpressListener
 * @typedef {{ (request: IncomingMessage, response: ServerResponse): void, get(path: string, listener: ExpressListener): void }} ExpressApp
 * @typedef {{ default: () => ExpressApp }} ExpressModule
 */

const TEXT = 'hello';

/** A fetch function. */
export const fetchHello = () => new Response(TEXT, { headers: { 'content-type': 'text/plain' } });

/** A node listener. @param {IncomingMessage} _request @param {ServerResponse} response */
export function nodeHello(_request, response) {
  response.setHeader('Content-Type', 'text/plain');
  response.end(TEXT);
}

/** A Hono app. */
export async function honoHello() {
  const { Hono } = await import('hono');
  const app = new Hono();
  app.get('/', (context) => context.text(TEXT));
  return app;
}

/** An Express app. */
export async function expressHello() {
  /** Any text, so that no types of it are looked for. @type {string} */
  const name = 'express';
  const { default: express } = /** @type {ExpressModule} */ (await import(name));
  const app = express();
  app.get('/', (_request, response) => {
    response.type('text').send(TEXT);
  });
  return app;
}

/** A Fastify app, ready. */
export async function fastifyHello(options = {}) {
  const { default: fastify } = await import('fastify');
  const app = fastify(options);
  app.get('/', (_request, reply) => {
    reply.type('text/plain').send(TEXT);
  });
  await app.ready();
  return app;
}

const RAW = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${TEXT.length}\r\n\r\n${TEXT}`;

/** The handler of a name: raw, fetch, hono, node, express, fastify. @param {string} name @returns {Promise<import('@m2/core').Handler>} */
export async function handlerOf(name) {
  if (name === 'raw') {
    return {
      handle(message, client) {
        if (message.kind === 'http') client.send(RAW);
      },
    };
  }
  if (name === 'fetch') return fetchHandler(fetchHello);
  if (name === 'hono') return fetchHandler(await honoHello());
  const { nodeHandler } = await import('@m2/gateway/node');
  if (name === 'node') return nodeHandler(nodeHello);
  if (name === 'express') return nodeHandler(await expressHello());
  if (name === 'fastify') return nodeHandler(await fastifyHello());
  throw new Error(`There is no app '${name}'.`);
}
