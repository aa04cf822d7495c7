import { express4Kind, express5Kind } from './express.js';
import { fastifyKind } from './fastify.js';
import { fetchKind } from './fetch.js';
import { honoKind } from './hono.js';
import type { AppKind } from './kind.js';
import { koaKind } from './koa.js';
import { listenerKind, serverKind } from './listener.js';

/** Every kind of app, in the order of the grid's columns. */
export const KINDS: readonly AppKind[] = [
  listenerKind,
  serverKind,
  express5Kind,
  express4Kind,
  koaKind,
  fastifyKind,
  honoKind,
  fetchKind,
];
