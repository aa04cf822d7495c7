import type { Seen, SeenBody } from './plan.js';
import type { Visit } from './visit.js';

/** A header's lines by its name in lower case. */
export type Grouped = Readonly<Record<string, readonly string[]>>;

/** What a client got for one request. */
export interface Answer {
  /** `nothing`: the connection ended before an answer. `cut`: it ended before the answer's end. `stuck`: neither came. */
  readonly how: 'whole' | 'cut' | 'nothing' | 'stuck' | 'malformed';
  /** Of a malformed answer: what is wrong with it. */
  readonly fault?: string;
  readonly version?: string;
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: Grouped;
  readonly framing?: string;
  readonly body?: Buffer;
  readonly trailers?: Grouped;
  /** Interim heads before it: the status, and the headers. */
  readonly interim?: readonly { readonly status: number; readonly headers: Grouped }[];
}

/** What an app observed of one request; undefined where it never saw it. */
export interface Observed {
  readonly seen: Seen;
  readonly body: SeenBody | undefined;
  readonly bodyBroke: boolean;
  readonly request: readonly string[];
  readonly response: readonly string[];
  readonly closing: Readonly<Record<string, unknown>> | undefined;
}

/** What became of a connection: another request on it was answered, found it closed, got no answer, or got nonsense. */
export type Connection = 'kept' | 'closed' | 'stuck' | 'garbled';

/** What happened in one case, on one target. */
export interface Outcome {
  readonly answers: readonly Answer[];
  /** Whether a request after them was answered. Undefined where the client left. */
  readonly connection: Connection | undefined;
  readonly observed: readonly (Observed | undefined)[];
}

/** What an app observed up to now. */
export function observedBy({ seen, body, bodyBroke, events, closing }: Visit): Observed | undefined {
  if (seen === undefined) return undefined;
  return { seen, body, bodyBroke, request: [...events.request], response: [...events.response], closing };
}
