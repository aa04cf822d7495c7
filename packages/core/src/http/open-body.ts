import type { Client, OpeningRequest } from '../connection/client.js';
import type { M2Error } from '../errors.js';
import { LimitedBody } from './body-limit.js';
import { declaredLength, type ExchangeBody, StoredBody, StreamedBody, WholeBody } from './request-body.js';

/** The body of a client's current request; `owner` is told when it turns out larger than the body limit. */
export function openBody(request: OpeningRequest, client: Client, owner: { bodyTooLarge(cause: M2Error): void }): ExchangeBody {
  const { storedFile } = client;
  if (storedFile !== undefined) {
    client.storedFile = undefined;
    const length = declaredLength(request);
    return limited(new StoredBody(client, storedFile, length), client, owner);
  }
  if (request.kind === 'http' && request.upload?.type === 'stream') {
    return limited(new StreamedBody(client, request, declaredLength(request)), client, owner);
  }
  return new WholeBody(request);
}

function limited(body: ExchangeBody, client: Client, owner: { bodyTooLarge(cause: M2Error): void }): ExchangeBody {
  const limit = client.link.options.bodyLimit;
  // One that announced its length was let through because that is within the limit, and it cannot be longer.
  if (body.length !== undefined || limit === 0) return body;
  return new LimitedBody(body, limit, (cause) => owner.bodyTooLarge(cause));
}
