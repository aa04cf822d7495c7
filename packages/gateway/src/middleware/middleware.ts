import type { FetchInfo } from '../fetch-info.js';

/**
 * Calls what is inside: the next middleware, else the app. Given a request, that one goes in instead of the one that came.
 * Rejects with what the inside throws.
 */
export type Next = (request?: Request) => Promise<Response>;

/**
 * What goes around a fetch app: it may answer itself, change the request on the way in (by `next(changed)`), and the Response on
 * the way out. `info` is the app's own second argument.
 */
export type Middleware = (request: Request, next: Next, info: FetchInfo) => Response | Promise<Response>;
