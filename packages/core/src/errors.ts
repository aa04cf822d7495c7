import type { ErrorCode } from './error-codes.js';

/** What an {@link M2Error} carries besides its code and message. */
export interface M2ErrorOptions {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** Facts for logs and tests: addresses, sizes in bytes, names. Never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Every error that m2 makes. `message` says what happened, where, and what to do; `code` is stable and
 * listed in docs/errors.md; `cause` keeps what led to it.
 */
export class M2Error extends Error {
  override readonly name = 'M2Error';
  /** Stable name of the kind of failure, `M2_…`. */
  readonly code: ErrorCode;
  /** Facts for logs and tests. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: M2ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  /** True for an M2Error of any copy of this package, by its brand and not by its class. */
  static is(value: unknown): value is M2Error {
    return value instanceof Error && value.name === 'M2Error' && typeof (value as M2Error).code === 'string';
  }
}
