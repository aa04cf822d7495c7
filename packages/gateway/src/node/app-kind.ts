import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { isFetchObject } from '../to-fetch-function.js';

/** Kinds of apps: those of the web platform's `fetch`, and those of Node's `(req, res)`. */
export type AppKind = 'fetch' | 'node' | 'express' | 'koa' | 'fastify' | 'server';

type Methods = Readonly<Record<string, unknown>>;

/**
 * What kind of app a value is; undefined for none. Tried in this order: a `fetch` method (Hono, `export default { fetch }`),
 * an `http.Server`, a `callback` method (Koa), Fastify's `routing`, a `handle` or
 * `handler` method (Express, Connect, Polka), a function. A
 * function of fewer than two parameters is a fetch app, else a `(req, res)` one: wrap it as `{ fetch }` where that is wrong.
 */
export function appKind(value: unknown): AppKind | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  const has = (name: string): boolean => typeof (value as Methods)[name] === 'function';
  if (isFetchObject(value)) return 'fetch';
  if (value instanceof HttpServer || value instanceof HttpsServer) return 'server';
  if (has('callback') && has('use')) return 'koa';
  if (has('routing') && has('inject')) return 'fastify';
  if (has('handle') || (has('handler') && has('use'))) return 'express';
  if (typeof value !== 'function' || isClass(value)) return undefined;
  return value.length < 2 ? 'fetch' : 'node';
}

/** A class cannot be called. */
export const isClass = (value: unknown): boolean =>
  typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
