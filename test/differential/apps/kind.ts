import type { Server } from 'node:http';
import type { Handler } from '@m2/core';
import type { Visits } from '../visit.js';

/** Kinds of apps. `twin` is the `(req, res)` app that does what fetch apps do. */
export type KindId = 'listener' | 'server' | 'express5' | 'express4' | 'koa' | 'fastify' | 'hono' | 'fetch';

/** A kind of app: the same behaviours, as apps of that kind are written. */
export interface AppKind {
  readonly id: KindId;
  /** How people call it. */
  readonly title: string;
  /** What it is compared with is another app that does the same, so that nothing of it can be fed with bytes. */
  readonly standIn?: true;
  /** Behaviours that it does not have. */
  readonly without: ReadonlySet<string>;
  /** What it is compared with: the app on `node:http`, not listening yet. */
  server(visits: Visits): Promise<Server>;
  /** The app as m2 runs it. */
  handler(visits: Visits): Promise<Handler>;
}

/** What every app answers to a request that has no plan: the driver asks whether the connection is alive. */
export const ALIVE = 'alive\n';
