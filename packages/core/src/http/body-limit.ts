import { M2Error } from '../errors.js';
import type { HttpRequest } from '../wire/message.js';
import { type CloseWhen, declaredLength, type ExchangeBody } from './request-body.js';

/** Whether a request's body is known to be over the limit before it is read. `limit` in bytes, 0 for none. */
export function isOverLimit(request: HttpRequest, limit: number): boolean {
  if (limit === 0) return false;
  if (request.upload === undefined) return request.body.length > limit;
  return (declaredLength(request) ?? 0) > limit;
}

/**
 * A body whose length is not known before its end. Beyond the limit it is read no further: its reader gets
 * `M2_BODY_TOO_LARGE`, and `exceeded` is told first.
 */
export class LimitedBody implements ExchangeBody {
  readonly length = undefined;
  private count = 0;
  private failure: M2Error | undefined;

  constructor(
    private readonly body: ExchangeBody,
    private readonly limit: number,
    private readonly exceeded: (cause: M2Error) => void,
  ) {}

  get whole(): Uint8Array | undefined {
    const { whole } = this.body;
    return whole !== undefined && whole.length > this.limit ? undefined : whole;
  }

  get mustClose(): boolean {
    return this.body.mustClose;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.failure !== undefined) throw this.failure;
    const bytes = await this.body.read();
    this.count += bytes?.length ?? 0;
    if (this.count <= this.limit) return bytes;
    const { limit } = this;
    this.failure = new M2Error(
      'M2_BODY_TOO_LARGE',
      `The request body is larger than the limit of ${limit} bytes; raise bodyLimit (--body-limit) if it is legitimate.`,
      { details: { limit } },
    );
    this.body.cancel();
    this.exceeded(this.failure);
    throw this.failure;
  }

  cancel(): void {
    this.body.cancel();
  }

  finish(): CloseWhen {
    return this.body.finish();
  }

  abandon(cause: M2Error): void {
    this.body.abandon(cause);
  }
}
