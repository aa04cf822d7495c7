import type { HttpExchange, HttpFields, HttpRequest, MessageBase } from '@m2/core';
import { badRequest, type Refusal } from '../refusal.js';
import { checkBody } from '../request-checks.js';
import { checkLimits, type LimitedMessage, type ResolvedRequestLimits } from '../request-limits.js';
import { AUTHORITY } from '../request-target.js';

/** How many hosts are remembered; clients choose them, so there has to be an end. */
const REMEMBERED_HOSTS = 256;

type HostedMessage = Pick<MessageBase, 'header'> & Pick<HttpFields, 'version'>;

/** What is asked of a request before a `(req, res)` app gets it: what Node's parser asks, and that one request cannot hide another. */
export class RequestChecks {
  private readonly hosts = new Set<string>();

  constructor(private readonly limits: ResolvedRequestLimits) {}

  /** Why the app cannot be given this request; undefined for one that it can. */
  check(message: HttpRequest, exchange: HttpExchange): Refusal | undefined {
    return this.head(message) ?? checkBody(message, exchange);
  }

  /** Of a request or a handshake. */
  head(message: LimitedMessage & HostedMessage): Refusal | undefined {
    return checkLimits(message, this.limits) ?? this.host(message);
  }

  private host(message: HostedMessage): Refusal | undefined {
    const host = message.header('host');
    if (typeof host === 'string') {
      if (this.hosts.has(host) || host === '') return undefined;
      if (!AUTHORITY.test(host)) return badRequest('the Host header is not a host and a port');
      if (this.hosts.size >= REMEMBERED_HOSTS) this.hosts.clear();
      this.hosts.add(host);
      return undefined;
    }
    if (host !== undefined) return badRequest('there are several Host headers');
    return message.version === 'HTTP/1.0' ? undefined : badRequest('the Host header is missing');
  }
}
