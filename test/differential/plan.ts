/** Header lines in order; several of one name are several lines. */
export type Lines = readonly (readonly [name: string, value: string])[];

/** The body of an answer. Its bytes are those of the pattern, so that only sizes need to be said. */
export type BodyPlan =
  | { readonly kind: 'none' }
  /** All at once, as the framework's own way of sending bytes. */
  | { readonly kind: 'whole'; readonly size: number }
  /** Piece by piece, each in a turn of the event loop of its own. `declared`: with a Content-Length. */
  | { readonly kind: 'pieces'; readonly sizes: readonly number[]; readonly declared: boolean }
  /** The request body back. */
  | { readonly kind: 'echo' }
  /** What was understood of a body that the framework parsed, as the framework sends JSON. */
  | { readonly kind: 'json' }
  /** A file: ranges, conditions. */
  | { readonly kind: 'file' };

/** How an app fails. `late` ones wait until the client has got the first piece. */
export type Failure = 'throw' | 'reject' | 'late';

/** What an app is to do with one request. */
export interface Plan {
  /** Whether the request body is read before the answer, or not at all. Default `all`. */
  readonly read?: 'all' | 'none';
  readonly status: number;
  /** Default: the status code's own. */
  readonly reason?: string;
  readonly headers: Lines;
  readonly body: BodyPlan;
  /** Links of a 103 before the answer. */
  readonly hints?: readonly string[];
  readonly trailers?: Lines;
  readonly failure?: Failure;
  /** The answer is never ended by the app: before its head, or after its pieces. */
  readonly hold?: 'before' | 'after';
  /** Which of several equal ways of the framework is taken. */
  readonly way: number;
}

/** What an app saw of one request. What does not exist for a kind of app is missing. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly httpVersion?: string;
  /** As the app is given them. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Every value of a name, in order, by the name in lower case. */
  readonly rawHeaders?: Readonly<Record<string, readonly string[]>>;
  /** What the framework makes of it: addresses, host, protocol. */
  readonly framework?: Readonly<Record<string, unknown>>;
}

/** What an app got of a request's body. */
export interface SeenBody {
  readonly size: number;
  readonly hash: string;
  readonly trailers: Readonly<Record<string, string>>;
}
