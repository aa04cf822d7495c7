import type { Handler } from '@m2/core';
import { type NodeApp, nodeHandler } from '@m2/gateway/node';

/** A `(req, res)` app as m2 runs it. */
export const toHandler = (app: unknown): Handler => nodeHandler(app as NodeApp);
