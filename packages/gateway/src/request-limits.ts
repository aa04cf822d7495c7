import { type HttpFields, M2Error, type MessageBase } from '@m2/core';
import { type Refusal, refusal } from './refusal.js';

/** How much of a request's head an app is given. Every field is a whole number from 1 and has a default. */
export interface RequestLimits {
  /** The longest path and query, in bytes; a longer one gets 414. Default 8 KiB. */
  readonly uriBytes?: number;
  /** Names and values of all header lines with four bytes more for each, a repeated name once; more get 431. Default 16 KiB. */
  readonly headerBytes?: number;
  /** Header lines; more get 431. Default 100. */
  readonly headerCount?: number;
}

/** The limits with everything filled in. */
export type ResolvedRequestLimits = Required<RequestLimits>;

/** The defaults of {@link RequestLimits}. */
export const defaultRequestLimits: ResolvedRequestLimits = Object.freeze({
  uriBytes: 8 * 1024,
  headerBytes: 16 * 1024,
  headerCount: 100,
});

/** Fills in the defaults. @throws M2Error `M2_OPTION_INVALID` for a number out of range. */
export function resolveRequestLimits(limits: RequestLimits = {}): ResolvedRequestLimits {
  const resolved = { ...defaultRequestLimits };
  for (const name of Object.keys(defaultRequestLimits) as (keyof RequestLimits)[]) {
    const value = limits[name] ?? defaultRequestLimits[name];
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new M2Error('M2_OPTION_INVALID', `The limit ${name} is ${value}; it must be a whole number from 1.`, {
        details: { option: name, value },
      });
    }
    resolved[name] = value;
  }
  return resolved;
}

/** What a request and a handshake both have. */
export type LimitedMessage = Pick<MessageBase, 'size' | 'body' | 'headers' | 'headerLines'> & Pick<HttpFields, 'uri'>;

/**
 * Why a request's head is too much; undefined when it is not. Costs three comparisons for a usual request: the message's size
 * and the lines that its parser counted are upper bounds.
 */
export function checkLimits(message: LimitedMessage, limits: ResolvedRequestLimits): Refusal | undefined {
  if (message.uri.length > limits.uriBytes) return refusal(414, true);
  const atMost = message.size - message.body.length;
  if (atMost <= limits.headerBytes && message.headerLines <= limits.headerCount) return undefined;
  const { bytes, lines } = measure(message);
  return bytes > limits.headerBytes || lines > limits.headerCount ? refusal(431, true) : undefined;
}

function measure({ headers }: LimitedMessage): { bytes: number; lines: number } {
  let bytes = 0;
  let lines = 0;
  for (const [name, value] of headers) {
    bytes += name.length;
    for (const one of typeof value === 'string' ? [value] : value) {
      bytes += one.length + 4;
      lines++;
    }
  }
  return { bytes, lines };
}
