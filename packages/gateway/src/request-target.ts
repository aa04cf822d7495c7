import { type HttpRequest, M2Error } from '@m2/core';
import type { ClientIdentity } from './client-identity.js';
import { badRequest, type Refusal, refusal } from './refusal.js';

/** RFC 3986 3.2.2 and 3.2.3: a registered name, an IPv4 or an IPv6 address, and perhaps a port. No user, no path. */
export const AUTHORITY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=%]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;

/** A target that the URL parser would leave as it is: no byte to encode, no dot segment. */
const NORMAL_TARGET = /^\/(?!.*(?:\/\.|%2e))(?!\.)[\w\-~!$&()*+,;=:@%/?.]*$/i;

/** How many hosts are remembered; clients choose them, so there has to be an end. */
const REMEMBERED_HOSTS = 256;

/** Makes the absolute URL of a request. Never by resolving its target against a base, which `//evil/x` would leave (protocol 2.3). */
export class RequestTargets {
  /** Where the app is mounted, without a slash at the end; empty for the root. */
  readonly rootPath: string;
  private readonly origins = { http: new Map<string, string>(), https: new Map<string, string>() };

  /** @throws M2Error `M2_OPTION_INVALID` for a root path that does not begin with a slash, or has a query or fragment. */
  constructor(rootPath = '') {
    if (rootPath !== '' && !/^\/[^?#]*$/.test(rootPath)) {
      throw new M2Error('M2_OPTION_INVALID', `The root path '${rootPath}' is not a path: begin it with a slash, as in '/shop'.`);
    }
    this.rootPath = rootPath.replace(/\/+$/, '');
  }

  /** The request's URL below the root path, or why it is refused. Scheme and host are `identity`'s where one is given. */
  url(message: HttpRequest, identity?: ClientIdentity): string | Refusal {
    const own = message.header('host');
    const scheme = identity?.scheme ?? message.scheme;
    // A proxy that speaks for somebody else does not make two Host headers one.
    const host = typeof own === 'object' ? own : (identity?.host ?? own);
    const origin =
      typeof host === 'string' && host !== '' ? this.origin(scheme, host) : withoutHost(message.version, scheme, host);
    if (typeof origin !== 'string') return origin;
    const target = this.target(message.uri);
    if (typeof target !== 'string') return target;
    return NORMAL_TARGET.test(target) ? origin + target : normalise(origin, target);
  }

  /** Path and query as the app is to see them. */
  target(uri: string): string | Refusal {
    // A server-wide OPTIONS is about the app as a whole (RFC 9112 3.3).
    if (uri === '*') return '/';
    if (!uri.startsWith('/')) return badRequest('the request target is neither a path nor *');
    const { rootPath } = this;
    if (rootPath === '') return uri;
    if (!uri.startsWith(rootPath)) return refusal(404);
    const rest = uri.slice(rootPath.length);
    if (rest === '' || rest.startsWith('?')) return `/${rest}`;
    return rest.startsWith('/') ? rest : refusal(404);
  }

  private origin(scheme: 'http' | 'https', host: string): string | Refusal {
    const known = this.origins[scheme];
    const seen = known.get(host);
    if (seen !== undefined) return seen;
    const origin = parseOrigin(scheme, host);
    if (origin === undefined) return badRequest('the Host header is not a host and a port');
    if (known.size >= REMEMBERED_HOSTS) known.clear();
    known.set(host, origin);
    return origin;
  }
}

function withoutHost(version: HttpRequest['version'], scheme: string, host: ReturnType<HttpRequest['header']>): string | Refusal {
  if (typeof host === 'object') return badRequest('there are several Host headers');
  // HTTP/1.0 knows no Host; URLs need one.
  if (version === 'HTTP/1.0') return `${scheme}://localhost`;
  return badRequest('the Host header is missing');
}

function parseOrigin(scheme: string, host: string): string | undefined {
  if (!AUTHORITY.test(host)) return undefined;
  try {
    const url = new URL(`${scheme}://${host}/`);
    return url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' ? url.origin : undefined;
  } catch {
    return undefined;
  }
}

function normalise(origin: string, target: string): string {
  const fragment = target.indexOf('#');
  return new URL(origin + (fragment === -1 ? target : target.slice(0, fragment))).href;
}
